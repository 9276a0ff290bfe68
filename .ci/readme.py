#!/usr/bin/env python3
"""Runs the commands of README.md and CONTRIBUTING.md as they stand there, in their order, from the top of a checkout.

Blocks of `sh` are commands; blocks of `console` are commands behind `$ ` with what a terminal shows after each, where `…`
stands for anything. `--write` puts what came out in the place of what should have. What is not run, or not for as long as it says, is listed
below with its reason; a line that is neither run nor listed does not exist."""

import fcntl
import os
import pathlib
import pty
import random
import re
import select
import shlex
import signal
import socket
import struct
import subprocess
import sys
import termios
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
os.chdir(ROOT)

# Commands that are not run here, and why.
NOT_RUN = {
    "README.md": {
        "cargo test": "it is a step of its own in .ci/run, before this one",
        "python3 tests/python/beside.py requests": "ten minutes, for a quiet machine; .ci/run tries each row with little",
        "python3 tests/python/beside.py memory": "figures, for a quiet machine; .ci/run tries it with few keys",
        "python3 tests/python/beside.py snapshot": "a figure, for a quiet machine; .ci/run tries it with few keys",
    },
    "CONTRIBUTING.md": {
        "cargo test": "it is a step of its own in .ci/run, before this one",
        "cargo clippy --all-targets -- -D warnings && cargo fmt --check": "steps of their own in .ci/run",
        ".ci/run": "it is what runs this",
        "cargo bench --bench growth": "two minutes and 3 GB; .ci/run tries it with less (GROWTH_KEYS)",
        "cargo bench --bench costs": "five minutes; .ci/run tries it with less",
        "cargo bench --bench stalls": "two minutes; .ci/run tries it with less",
        "python3 tests/python/beside.py requests": "ten minutes, for a quiet machine; .ci/run tries each row with little",
    },
}

# Long ones are run with less: what is written, and what is run.
LESS = [
    (r"_SECONDS=\d+", "_SECONDS=3"),
    (r"DIFF_STEPS=\d+", "DIFF_STEPS=300"),
    (r"(RDB|AOF|RESTORE|INSPECT)_FUZZ=\d+", r"\1_FUZZ=20"),
    (r"SOAK_SECONDS=\d+", "SOAK_SECONDS=10"),
    (r"cargo test --release", "cargo test"),
]

# Commands that go on until they are told to stop, and the port that says that they are ready.
SERVERS = {"cargo run --release -- serve --port 6380": 6380}

# Ports that the pages use. Where somebody has one already, another is used in its place.
PORTS = ["6380", "6381"]

MADE = ["dump.rdb", "appendonlydir", "rescued", "snapshot.rdb"]


def blocks(text):
    """(language, first line's number, lines) of each fenced block."""
    found, language, first, lines = [], None, 0, []
    for number, line in enumerate(text.split("\n")):
        if language is None and line.strip().startswith("```"):
            language, first, lines = line.strip()[3:], number + 1, []
        elif language is not None and line.strip() == "```":
            found.append((language, first, lines))
            language = None
        elif language is not None:
            lines.append(line)
    return found


def settled(text):
    """What a terminal shows in the end: no colours, and of a line that is written over the last."""
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
    lines = [line.rstrip("\r").split("\r")[-1].rstrip() for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def run(command, limit):
    """In a terminal of 120 columns: exit status and what it showed."""
    if "--daemonize yes" in command:
        # A shell that ends takes along what has not left its session yet; a person's shell stays.
        command = f"{command}; status=$?; sleep 1; exit $status"
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))

    def own_terminal():
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    environment = {**os.environ, "TERM": "dumb", "NO_COLOR": "1"}
    process = subprocess.Popen(
        ["bash", "-c", command], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, preexec_fn=own_terminal, env=environment
    )
    os.close(theirs)
    shown, until = b"", time.monotonic() + limit
    while True:
        if time.monotonic() > until:
            os.killpg(process.pid, signal.SIGKILL)
            raise SystemExit(f"not over after {limit} s: {command}\n{shown.decode(errors='replace')}")
        ready, _, _ = select.select([ours], [], [], 0.2)
        if not ready and process.poll() is not None:
            break
        if ready:
            try:
                piece = os.read(ours, 65536)
            except OSError:
                piece = b""
            if not piece:
                break
            shown += piece
    if daemon := re.search(r"--port (\d+) .*--daemonize yes", command):
        # A person is slower than a server.
        while not serving(int(daemon[1])) and time.monotonic() < until:
            time.sleep(0.05)
    os.close(ours)
    return process.wait(timeout=120), settled(shown.decode(errors="replace"))


def fits(wanted, got):
    pattern = ".*".join(re.escape(part) for part in wanted.split("…"))
    return re.fullmatch(pattern, got) is not None


def listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def serving(port):
    """Listening, and done with loading."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as probe:
            probe.sendall(b"PING\r\n")
            return probe.recv(100).startswith(b"+PONG")
    except OSError:
        return False


def ports_here():
    """The pages' ports, each with the one that is used in its place: itself, if nobody has it."""
    used, here = {}, random.Random(os.getpid())
    for port in PORTS:
        now = int(port)
        while listening(now) or now in used.values():
            now = here.randrange(10000, 30000)
        if now != int(port):
            print(f"port {port} is taken: {now} stands in for it")
        used[port] = now
    return used


def swapped(text, ports):
    for written, used in ports.items():
        text = re.sub(rf"\b{written}\b", str(used), text)
    return text


def start(command, port, running):
    log = open(ROOT / "target-readme.log", "wb")
    server = subprocess.Popen(shlex.split(command), stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    running.append(server)
    until = time.monotonic() + 1500
    while not serving(port):
        if server.poll() is not None or time.monotonic() > until:
            raise SystemExit(f"{command} does not serve:\n{(ROOT / 'target-readme.log').read_text()}")
        time.sleep(0.1)


def page(name, running, write, ports):
    text = (ROOT / name).read_text()
    not_run, lines, faults, moved = dict(NOT_RUN[name]), text.split("\n"), [], 0
    for language, first, block in blocks(text):
        if language not in ("sh", "console", "text", "toml", "ini"):
            faults.append(f"{name}:{first}: a block of no known language: {language!r}")
        if language == "sh":
            for offset, line in enumerate(block):
                command = re.sub(r"\s+#.*$", "", line).strip()
                where = f"{name}:{first + offset + 1}"
                if not command:
                    continue
                if command in NOT_RUN[name]:
                    print(f"{where}: not run ({not_run.pop(command, 'as above')}): {command}")
                elif command in SERVERS:
                    start(swapped(command, ports), ports[str(SERVERS[command])], running)
                    print(f"{where}: serves: {command}")
                else:
                    for written, less in LESS:
                        command = re.sub(written, less, command)
                    begun = time.monotonic()
                    status, shown = run(swapped(command, ports), 1200)
                    print(f"{where}: {time.monotonic() - begun:.1f} s: {command}", flush=True)
                    passed = sum(int(n) for n in re.findall(r"(\d+) passed", " ".join(shown)))
                    if "cargo test" in command and passed == 0:
                        status = status or "no test was run"
                    if status != 0:
                        faults.append("\n".join([f"{where}: exit status {status}: {command}", *shown[-40:]]))
        elif language == "console":
            starts = [n for n, line in enumerate(block) if line.startswith("$ ")] + [len(block)]
            assert not block or starts[0] == 0, f"{name}:{first}: output before a command"
            for here, after in zip(starts, starts[1:]):
                command = re.sub(r"\s+#.*$", "", block[here][2:]).strip()
                wanted = block[here + 1 : after]
                status, shown = run(swapped(command, ports), 600)
                back = {str(used): written for written, used in ports.items()}
                shown = [swapped(line, back) for line in shown]
                right = len(wanted) == len(shown) and all(map(fits, wanted, shown))
                print(f"{name}:{first + here + 1}: {'as written' if right else 'DIFFERENT'}: {command}", flush=True)
                if not right and write:
                    at = first + here + 1 + moved
                    lines[at : at + len(wanted)] = shown
                    moved += len(shown) - len(wanted)
                elif not right:
                    faults.append("\n".join([f"{name}:{first + here + 1}: {command} (status {status})", "written:", *wanted, "came:", *shown]))
    faults += [f"{name}: NOT_RUN has a command that is not there: {command}" for command in not_run]
    if write:
        (ROOT / name).write_text("\n".join(lines))
    return faults


def main():
    left = [name for name in MADE if (ROOT / name).exists()]
    if left:
        raise SystemExit(f"there is {', '.join(left)} already: this would change it")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
    # What is installed shall not replace what somebody has.
    os.environ["CARGO_INSTALL_ROOT"] = str(target / "ci-install")
    os.environ["PATH"] = f"{target / 'ci-install/bin'}:{os.environ['PATH']}"
    names = [word for word in sys.argv[1:] if not word.startswith("--")] or ["README.md", "CONTRIBUTING.md"]
    running, faults, ports = [], [], ports_here()
    try:
        for name in names:
            faults += page(name, running, "--write" in sys.argv, ports)
    finally:
        for server in running:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(timeout=300)
        # Nobody had these ports: what serves there now was started here, and left behind by a command that failed.
        for port in filter(serving, ports.values()):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as left:
                left.sendall(b"SHUTDOWN NOSAVE\r\n")
                left.recv(100)
        for name in [*MADE, "target-readme.log"]:
            subprocess.run(["rm", "-rf", str(ROOT / name)], check=True)
    if faults:
        raise SystemExit("\n\n".join(faults))


main()
