"""Writes through Redis Sentinel while primaries die: python3 sentinel.py SENTINEL_PORT...

Several threads find the primary of `tested` by redis-py's Sentinel client, write keys, and note those that both replicas have
acknowledged (WAIT 2). Reads words from its input: `check PORT` looks at that node for every key that was acknowledged;
`progress` tells how many there are; `rest` ends the writing.
"""

import logging
import sys
import threading
import time

import redis
from redis.sentinel import Sentinel

logging.disable(logging.CRITICAL)
PORTS = [int(port) for port in sys.argv[1:]]
ended = threading.Event()
acknowledged = []
failures = [0]


def primary():
    sentinel = Sentinel([("127.0.0.1", port) for port in PORTS], socket_timeout=1, protocol=2)
    return sentinel.master_for("tested", socket_timeout=1, protocol=2)


def write(number):
    client, i = primary(), 0
    while not ended.is_set():
        i += 1
        try:
            pipe = client.pipeline(transaction=i % 5 == 0)
            for n in range(4):
                pipe.set(f"w{number}:{i}:{n}", i)
            pipe.execute()
            # The same connection: WAIT is about what it wrote.
            pipe = client.pipeline(transaction=False)
            pipe.incr(f"count{number}").execute_command("WAIT", 2, 200)
            count, replicas = pipe.execute()
            pipe = client.pipeline(transaction=False)
            pipe.set(f"w{number}:{i}", count)
            pipe.rpush(f"list{number}", i)
            pipe.execute_command("WAIT", 2, 200)
            replicas = pipe.execute()[-1]
        except (redis.RedisError, OSError):
            failures[0] += 1
            time.sleep(0.02)
            continue
        if replicas >= 2:
            acknowledged.append((number, i, count))


def check(port):
    client = redis.Redis(port=port, decode_responses=True, protocol=2)
    known = list(acknowledged)
    lists = {number: {int(i) for i in client.lrange(f"list{number}", 0, -1)} for number in range(4)}
    lost = []
    for number, i, count in known:
        if client.get(f"w{number}:{i}") != str(count) or i not in lists[number]:
            lost.append((number, i, count))
    print(f"checked {len(known)} lost {len(lost)} {lost[:10]}", flush=True)


threads = [threading.Thread(target=write, args=(n,), daemon=True) for n in range(4)]
[thread.start() for thread in threads]
for line in sys.stdin:
    words = line.split()
    if words[0] == "progress":
        print(f"progress {len(acknowledged)} {failures[0]}", flush=True)
    elif words[0] == "rest":
        ended.set()
        [thread.join() for thread in threads]
        print("resting", flush=True)
    elif words[0] == "check":
        check(int(words[1]))
