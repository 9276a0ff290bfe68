"""Job queues on a running server: python3 queues.py PORT [worker NAME | reader NAME CRASHES].

With RQ: producers, several worker processes, failures, results. With redis-py alone: a stream, a group of consumers in processes
of their own, of which some are killed in the middle of their work, and others claim what they left. Prints a line for each, then
`done`.
"""

import os
import signal
import subprocess
import sys
import time

import redis

PORT = int(sys.argv[1])


def client():
    return redis.Redis(port=PORT, decode_responses=False)


def known(name):
    return name in {n.decode() for n in client().command_list()}


def again(*words):
    return subprocess.Popen([sys.executable, __file__, str(PORT), *words])


# ---- RQ --------------------------------------------------------------------------------------------------------------


def work(name):
    from rq import Queue, SimpleWorker

    class Worker(SimpleWorker):
        """As it comes, but for what the server may not have yet."""

        def subscribe(self):
            if known("subscribe"):
                super().subscribe()

        def unsubscribe(self):
            if known("subscribe"):
                super().unsubscribe()

        def run_maintenance_tasks(self):
            if known("eval"):
                super().run_maintenance_tasks()

    connection = client()
    queues = [Queue(q, connection=connection) for q in ("high", "low")]
    Worker(queues, name=name, connection=connection).work(burst=True, logging_level="WARNING")


def rq():
    try:
        from rq import Queue
        from rq.job import JobStatus
        from rq.registry import FailedJobRegistry, FinishedJobRegistry
    except ImportError:
        print("RQ is not installed: pip install rq")
        return
    connection = client()
    high, low = (Queue(q, connection=connection) for q in ("high", "low"))
    products = [low.enqueue("operator.mul", i, i + 1) for i in range(120)]
    broken = [high.enqueue("operator.truediv", i, 0) for i in range(5)]
    after = low.enqueue("operator.add", 1, 2, depends_on=products[:3])
    assert len(low) == 120 and len(high) == 5 and after.get_status() == JobStatus.DEFERRED
    workers = [again("worker", f"w{i}") for i in range(3)]
    assert [w.wait(300) for w in workers] == [0, 0, 0]
    for i, job in enumerate(products):
        assert job.return_value() == i * (i + 1), (i, job.get_status(), job.return_value())
    assert after.return_value() == 3
    assert all(job.get_status(refresh=True) == JobStatus.FAILED for job in broken)
    assert len(FinishedJobRegistry(queue=low)) == 121 and len(FailedJobRegistry(queue=high)) == 5
    assert not len(low) and not len(high)
    print("RQ: 126 jobs, 3 workers, 5 failures as expected")


# ---- a stream and a group --------------------------------------------------------------------------------------------

JOBS = 400


def read(name, crashes):
    """Reads jobs, and works on them by counting each. Where told, dies half through its first batch, that half acknowledged."""
    r = client()
    while True:
        # What others left for too long comes first.
        _, claimed, _ = r.xautoclaim("jobs", "g", name, min_idle_time=1000, count=10)
        fresh = r.xreadgroup("g", name, {"jobs": ">"}, count=10, block=200)
        batch = claimed + (fresh[0][1] if fresh else [])
        if not batch and r.hlen("times") == JOBS:
            return
        for _, fields in claimed:
            r.hincrby("claims", fields[b"job"], 1)
        for n, (entry, fields) in enumerate(batch):
            if crashes and n == len(batch) // 2:
                os.kill(os.getpid(), signal.SIGKILL)
            r.hincrby("times", fields[b"job"], 1)
            r.xack("jobs", "g", entry)


def stream():
    r = client()
    r.xgroup_create("jobs", "g", id="$", mkstream=True)
    doomed = [again("reader", f"d{i}", "crashes") for i in range(3)]
    added = 0
    while any(reader.poll() is None for reader in doomed):
        time.sleep(0.02)
        # Some are left for those that come later, however long a process takes to begin.
        if added < JOBS - 100:
            added += 1
            r.xadd("jobs", {"job": added})
    readers = [again("reader", f"r{i}", "") for i in range(3)]
    for i in range(added + 1, JOBS + 1):
        r.xadd("jobs", {"job": i})
    ends = [reader.wait(300) for reader in doomed + readers]
    assert ends == [-signal.SIGKILL] * 3 + [0] * 3, ends
    times = {int(job): int(n) for job, n in r.hgetall("times").items()}
    assert sorted(times) == list(range(1, JOBS + 1))
    # Once each, and once more for each time that another took it from somebody who was dead, or held up for a second.
    claims = {int(job): int(n) for job, n in r.hgetall("claims").items()}
    assert all(n <= 1 + claims.get(job, 0) for job, n in times.items()), (times, claims)
    pending = r.xpending("jobs", "g")
    assert pending["pending"] == 0, pending
    group = r.xinfo_groups("jobs")[0]
    assert group["lag"] == 0 and group["entries-read"] == JOBS, group
    print(f"a stream: {JOBS} jobs, 6 consumers, 3 killed, nothing lost")


if len(sys.argv) > 2:
    {"worker": lambda: work(sys.argv[3]), "reader": lambda: read(sys.argv[3], sys.argv[4] == "crashes")}[sys.argv[2]]()
else:
    rq()
    stream()
    print("done")
