"""redis-py doing real work against a running server: python3 work.py PORT [hiredis].

Prints what it did, a line each; the caller looks for `done`. What the server does not have yet is named.
"""

import sys
import threading
import time

import redis
from redis.exceptions import ResponseError


def known(client, name):
    return name in {n.decode() if isinstance(n, bytes) else n for n in client.command_list()}


def strings(r):
    assert r.set("a", "Grüße") and r.get("a").decode() == "Grüße"
    assert r.set("a", "x", nx=True) is None and r.set("a", b"\x00\xff", get=True).decode() == "Grüße"
    assert r.mset({f"k{i}": i for i in range(500)}) and r.mget([f"k{i}" for i in range(500)]) == [b"%d" % i for i in range(500)]
    assert r.incrby("n", 41) == 41 and r.incr("n") == 42 and r.decr("n") == 41 and r.incrbyfloat("n", 0.5) == 41.5
    assert r.append("s", "hello ") == 6 and r.append("s", "world") == 11 and r.getrange("s", 0, 4) == b"hello"
    assert r.setrange("s", 6, "redis") == 11 and r.get("s") == b"hello redis" and r.strlen("s") == 11
    assert r.getdel("s") == b"hello redis" and r.get("s") is None
    try:
        r.incr("a")
        raise AssertionError("INCR of text")
    except ResponseError as error:
        assert "not an integer" in str(error)


def bits(r):
    assert r.setbit("b", 7, 1) == 0 and r.getbit("b", 7) == 1 and r.bitcount("b") == 1 and r.bitpos("b", 1) == 7
    field = r.bitfield("f").set("u8", 0, 200).incrby("u8", 0, 100, overflow="SAT").get("u8", 0)
    assert field.execute() == [0, 255, 255]
    r.set("x", b"\xf0"), r.set("y", b"\x0f")
    assert r.bitop("OR", "z", "x", "y") == 1 and r.get("z") == b"\xff"


def keys(r):
    r.set("e", 1, ex=100)
    assert 0 < r.ttl("e") <= 100 and r.persist("e") and r.ttl("e") == -1
    assert r.expireat("e", 4102444800) and r.expiretime("e") == 4102444800
    assert r.rename("e", "e2") and not r.exists("e") and r.exists("e2", "a") == 2 and r.type("e2") == b"string"
    assert r.copy("e2", "e3") and r.unlink("e2", "e3", "none") == 2
    assert len(list(r.scan_iter(match="k*", count=50))) == 500 and len(r.keys("k1?")) == 10
    r.set("short", 1, px=30)
    time.sleep(0.06)
    assert r.get("short") is None


def connection(r, port):
    assert r.ping() and r.echo("hi") == b"hi"
    assert r.client_setname("worker") and r.client_getname() in (b"worker", "worker")
    assert any(c["name"] == "worker" for c in r.client_list())
    assert r.info("server")["redis_version"] and r.config_get("maxmemory")
    assert r.dbsize() > 500 and r.time()[0] > 1_600_000_000 and r.object("encoding", "n")
    other = redis.Redis(port=port, db=1)
    other.set("only", "here")
    assert r.get("only") is None and other.dbsize() == 1 and r.swapdb(0, 1)
    assert r.get("only") == b"here" and r.swapdb(0, 1)


def pipelines(r, port):
    pipe = r.pipeline(transaction=False)
    for i in range(5000):
        pipe.set(f"p{i}", i).get(f"p{i}")
    assert pipe.execute()[1::2] == [b"%d" % i for i in range(5000)]

    def worker():
        mine = redis.Redis(port=port)
        for _ in range(500):
            mine.incr("shared")

    threads = [threading.Thread(target=worker) for _ in range(6)]
    [t.start() for t in threads], [t.join() for t in threads]
    assert r.get("shared") == b"3000"
    big = bytes(range(256)) * 40_000
    assert r.set("big", big) and r.get("big") == big


def transactions(r):
    with r.pipeline(transaction=True) as pipe:
        pipe.watch("t")
        pipe.multi()
        pipe.set("t", 1).incr("t")
        assert pipe.execute() == [True, 2]


def collections(r, has):
    if has("rpush"):
        assert r.rpush("l", *range(300)) == 300 and r.lrange("l", 0, 1) == [b"0", b"1"] and r.lpop("l") == b"0"
    if has("hset"):
        assert r.hset("h", mapping={"a": 1, "b": 2}) == 2 and r.hgetall("h") == {b"a": b"1", b"b": b"2"}
    if has("sadd"):
        assert r.sadd("t1", 1, 2, 3) == 3 and r.smembers("t1") == {b"1", b"2", b"3"}
    if has("zadd"):
        assert r.zadd("zs", {"a": 1.5, "b": -1}) == 2 and r.zrange("zs", 0, -1, withscores=True)[0][1] == -1
    if has("xadd"):
        assert r.xadd("stream", {"f": "v"}) and r.xlen("stream") == 1


def scripts(r):
    double = r.register_script("return redis.call('incrby', KEYS[1], ARGV[1] * 2)")
    r.script_flush()
    assert double(keys=["n2"], args=[5]) == 10 and double(keys=["n2"], args=[1]) == 12
    r.script_flush()
    with r.pipeline() as pipe:
        # Loaded again by the pipeline, which asks what is there.
        double(keys=["n2"], args=[1], client=pipe)
        pipe.get("n2")
        assert pipe.execute() == [14, b"14"]
    assert r.eval("return {1, 'two', {3, false}, 4.9}", 0) == [1, b"two", [3, None], 4]
    try:
        r.eval("return redis.call('lpush', KEYS[1], 1)", 1, "n2")
        raise AssertionError("a list was made of a number")
    except redis.ResponseError as e:
        assert "WRONGTYPE" in str(e), e
    r.function_load("#!lua name=mylib\nredis.register_function('twice', function(k, a) return a[1] * 2 end)", replace=True)
    assert r.fcall("twice", 0, 21) == 42
    assert r.function_list(library="mylib")[0]


def locks(r):
    lock = r.lock("lock", timeout=50)
    assert lock.acquire() and lock.locked() and lock.owned() and not r.lock("lock").acquire(blocking=False)
    assert lock.extend(50) and 50000 < r.pttl("lock") <= 100000 and lock.reacquire() and r.pttl("lock") <= 50000
    lock.release()
    short = r.lock("lock", timeout=0.05)
    short.acquire()
    time.sleep(0.1)
    try:
        short.release()
        raise AssertionError("a lock that ran out was released")
    except redis.exceptions.LockError:
        pass
    # Threads that count without anything but the lock between them.
    r.set("count", 0)

    def count():
        for _ in range(25):
            with r.lock("counting", timeout=100, sleep=0.001):
                r.set("count", int(r.get("count")) + 1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    [t.start() for t in threads], [t.join() for t in threads]
    assert r.get("count") == b"100"


def main():
    port = int(sys.argv[1])
    for protocol in (2, 3):
        r = redis.Redis(port=port, protocol=protocol)
        r.flushall()
        has = lambda name: known(r, name)
        strings(r), bits(r), keys(r), connection(r, port), pipelines(r, port)
        if has("multi"):
            transactions(r)
        else:
            print("not served yet: multi")
        collections(r, has)
        scripts(r), locks(r)
        print(f"RESP{protocol} with", type(r.connection_pool.get_connection()._parser).__name__)
    print("done")


main()
