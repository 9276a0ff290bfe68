"""redis-py over TLS: plain commands, pipelines, publish and subscribe, RESP3, large values. Ends with `done`."""

import sys

import redis

port, ca, cert, key = int(sys.argv[1]), *sys.argv[2:5]


def connect(**more):
    return redis.Redis(
        "localhost", port, ssl=True, ssl_ca_certs=ca, ssl_certfile=cert, ssl_keyfile=key, socket_timeout=120, **more
    )


for protocol in (2, 3):
    r = connect(protocol=protocol)
    r.flushall()
    assert r.ping()
    value = bytes(range(256)) * 20000
    assert r.set("large", value) and r.get("large") == value
    with r.pipeline(transaction=False) as p:
        for i in range(20000):
            p.rpush("list", i)
        assert p.execute()[-1] == 20000
    assert r.lrange("list", 0, -1) == [str(i).encode() for i in range(20000)]
    with r.pipeline() as p:
        p.incr("a").incr("a")
        assert p.execute() == [1, 2]
    heard = r.pubsub(ignore_subscribe_messages=True)
    heard.subscribe("news")
    while not r.pubsub_numsub("news")[0][1]:
        heard.get_message(timeout=0.1)
    r.publish("news", "hello")
    message = None
    while message is None:
        message = heard.get_message(timeout=5)
    assert message["data"] == b"hello", message
    other = connect(protocol=protocol)
    assert other.blpop("nothing", timeout=0.2) is None
try:
    redis.Redis("localhost", port, socket_timeout=5).ping()
    sys.exit("a plain client was served on the port for TLS")
except redis.exceptions.RedisError:
    pass
try:
    redis.Redis("localhost", port, ssl=True, ssl_ca_certs=ca, socket_timeout=5).ping()
    sys.exit("a client without a certificate was served")
except redis.exceptions.RedisError:
    pass
print("done")
