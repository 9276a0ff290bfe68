"""How well servers choose whom to evict: hit rates of a cache under a Zipf trace, side by side.

    python3 tests/python/eviction.py allkeys-lru PORT PORT …

Servers must be empty; they are played on at the same time and at the same pace, since clocks of keys count seconds.
"""

import bisect
import itertools
import random
import socket
import sys
import threading
import time

KEYS, REQUESTS, BATCH, ROOM, PACE = 100_000, 200_000, 50, 20_000_000, 0.008


def encode(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.replies = self.socket.makefile("rb")

    def ask(self, *commands):
        self.socket.sendall(b"".join(encode(*c) for c in commands))
        return [self.reply() for _ in commands]

    def reply(self):
        line = self.replies.readline()
        if line[:1] != b"$":
            return line.strip()
        length = int(line[1:])
        return None if length < 0 else self.replies.read(length + 2)[:-2]


def play(port, policy):
    c, rng = Client(port), random.Random(42)
    info = dict(line.split(b":", 1) for line in c.ask((b"INFO", b"memory"))[0].split(b"\r\n") if b":" in line)
    limit = int(info[b"used_memory"]) + ROOM
    c.ask((b"CONFIG", b"SET", b"maxmemory-policy", policy), (b"CONFIG", b"SET", b"maxmemory", b"%d" % limit))
    weights = list(itertools.accumulate(1 / (i + 1) for i in range(KEYS)))
    names = rng.sample(range(KEYS), KEYS)
    value, hits, asked = b"x" * 1000, 0, 0
    for batch in range(REQUESTS // BATCH):
        keys = [b"key:%08d" % names[bisect.bisect_left(weights, rng.random() * weights[-1])] for _ in range(BATCH)]
        got = c.ask(*((b"GET", k) for k in keys))
        missed = [k for k, v in zip(keys, got) if v is None]
        c.ask(*((b"SET", k, value) for k in missed))
        if batch > REQUESTS // BATCH // 3:
            hits, asked = hits + BATCH - len(missed), asked + BATCH
        time.sleep(PACE)
    print(f"port {port}: {policy.decode()} hit rate {hits / asked:.4f}, {c.ask((b'DBSIZE',))[0].decode()} keys", flush=True)


if __name__ == "__main__":
    threads = [threading.Thread(target=play, args=(int(p), sys.argv[1].encode())) for p in sys.argv[2:]]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
