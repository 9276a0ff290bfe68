"""Celery with a server as its broker and as its store of results: python3 tasks.py PORT.

Starts a worker process that runs this very file; then tasks that end well, fail, are tried again, are put off, run in groups, in
chains, and in chords, whose last part waits for all others. Prints a line for each, then `done`.
"""

import os
import subprocess
import sys
import time

from celery import Celery, chain, chord, group

PORT = os.environ.get("TASKS_PORT") or sys.argv[1]

app = Celery("tasks", broker=f"redis://127.0.0.1:{PORT}/0", backend=f"redis://127.0.0.1:{PORT}/1")
app.conf.update(
    broker_connection_retry_on_startup=True,
    result_expires=3600,
    task_acks_late=True,
    task_default_queue="work",
    task_queue_max_priority=None,
    worker_hijack_root_logger=False,
    worker_prefetch_multiplier=4,
)


@app.task(name="add")
def add(a, b):
    return a + b


@app.task(name="total")
def total(numbers):
    return sum(numbers)


@app.task(name="fail")
def fail():
    raise ValueError("as expected")


@app.task(name="stubborn", bind=True, max_retries=5)
def stubborn(self, wanted):
    if self.request.retries < wanted:
        raise self.retry(countdown=0.05)
    return self.request.retries


@app.task(name="moment")
def moment():
    return time.time()


def work():
    names = [f"worker{i}@here" for i in range(2)]
    command = [sys.executable, "-m", "celery", "-A", "tasks", "worker"]
    command += ["--pool=threads", "--concurrency=4", "--loglevel=WARNING"]
    here = os.path.dirname(os.path.abspath(__file__))
    env = {**os.environ, "TASKS_PORT": PORT, "PYTHONPATH": here}
    workers = [subprocess.Popen([*command, "-n", name], env=env, cwd=here) for name in names]
    try:
        results = [add.delay(i, i) for i in range(150)]
        assert [r.get(timeout=3000) for r in results] == [2 * i for i in range(150)]
        print("Celery: 150 tasks, 2 workers")

        broken = fail.delay()
        try:
            broken.get(timeout=300)
            raise AssertionError("it did not fail")
        except ValueError as e:
            assert str(e) == "as expected" and broken.state == "FAILURE"
        assert stubborn.delay(3).get(timeout=300) == 3
        print("Celery: a failure is told, a stubborn task ends")

        asked = time.time()
        assert moment.apply_async(countdown=1).get(timeout=300) >= asked + 0.95
        print("Celery: a task is put off")

        assert group(add.s(i, 1) for i in range(20))().get(timeout=300) == list(range(1, 21))
        assert chain(add.s(1, 2), add.s(3), add.s(4))().get(timeout=300) == 10
        assert chord((add.s(i, i) for i in range(25)), total.s())().get(timeout=300) == 600
        print("Celery: a group, a chain, a chord")

        # Who is asked while the machine stands still answers too late: then all are asked again.
        for _ in range(30):
            alive = sorted(name for reply in app.control.ping(timeout=2) for name in reply)
            if alive == names:
                break
        assert alive == names, alive
        app.control.broadcast("shutdown")
        assert [w.wait(300) for w in workers] == [0, 0]
        print("Celery: workers answer, and end when told")
    finally:
        for w in workers:
            if w.poll() is None:
                w.kill()


if __name__ == "__main__":
    work()
    print("done")
