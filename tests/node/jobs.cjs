// BullMQ on a running server: node jobs.cjs PORT. Its Lua scripts as they come; jobs are added, worked, retried, delayed,
// put off by a limit of their rate, ordered by priority, made of children, and counted. Prints a line for each, then `done`.

"use strict";
const assert = require("node:assert");
const { Queue, Worker, QueueEvents, FlowProducer } = require("bullmq");

const connection = { host: "127.0.0.1", port: Number(process.argv[2]), maxRetriesPerRequest: null };
const open = [];
const kept = (thing) => (open.push(thing), thing);
// Every job that is waited for adds a listener.
require("node:events").defaultMaxListeners = 1000;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what, condition, ms = 60000) {
  const end = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms`);
    await pause(10);
  }
}

async function worked() {
  const queue = kept(new Queue("plain", { connection }));
  const events = kept(new QueueEvents("plain", { connection }));
  await events.waitUntilReady();
  const jobs = await queue.addBulk(Array.from({ length: 300 }, (_, n) => ({ name: "square", data: { n } })));
  const workers = [1, 2, 3].map(() =>
    kept(new Worker("plain", async (job) => {
      await job.updateProgress(50);
      await job.log(`squaring ${job.data.n}`);
      return job.data.n ** 2;
    }, { connection, concurrency: 10 })));
  const results = await Promise.all(jobs.map((job) => job.waitUntilFinished(events, 60000)));
  assert.deepStrictEqual(results, jobs.map((_, n) => n ** 2));
  const counts = await queue.getJobCounts("completed", "failed", "waiting", "active", "delayed");
  assert.deepStrictEqual(counts, { completed: 300, failed: 0, waiting: 0, active: 0, delayed: 0 });
  assert.strictEqual((await queue.getJobLogs(jobs[7].id)).logs[0], "squaring 7");
  const same = await queue.add("square", { n: 1 }, { jobId: "once" });
  const again = await queue.add("square", { n: 2 }, { jobId: "once" });
  assert.strictEqual(same.id, again.id);
  await same.waitUntilFinished(events, 60000);
  assert.strictEqual((await queue.getJob("once")).returnvalue, 1);
  await Promise.all(workers.map((w) => w.close()));
  console.log("BullMQ: 301 jobs by 3 workers");
}

async function retried() {
  const queue = kept(new Queue("retry", { connection }));
  const attempts = {};
  kept(new Worker("retry", async (job) => {
    attempts[job.name] = (attempts[job.name] ?? 0) + 1;
    if (job.name === "never" || job.attemptsMade < 2) throw new Error(`attempt ${job.attemptsMade}`);
    return "at last";
  }, { connection }));
  const late = await queue.add("late", {}, { attempts: 5, backoff: { type: "exponential", delay: 20 } });
  const never = await queue.add("never", {}, { attempts: 3, backoff: { type: "fixed", delay: 20 } });
  await until("both end", async () => (await late.isCompleted()) && (await never.isFailed()));
  assert.deepStrictEqual(attempts, { late: 3, never: 3 });
  const failed = await queue.getJob(never.id);
  assert.strictEqual(failed.failedReason, "attempt 2");
  await failed.retry();
  await until("it fails again", async () => attempts.never > 3 && (await never.isFailed()));
  console.log("BullMQ: failures are retried, with a pause between");
}

async function delayed() {
  const queue = kept(new Queue("late", { connection }));
  const ends = [];
  const begun = Date.now();
  for (const delay of [600, 200, 400]) await queue.add("x", { delay }, { delay });
  await queue.add("x", { delay: 0 });
  assert.strictEqual((await queue.getJobCounts("delayed")).delayed, 3);
  const due = {};
  kept(new Worker("late", async (job) => {
    due[job.data.delay] = job.data.delay && job.timestamp + job.data.delay;
    ends.push([job.data.delay, Date.now() - begun]);
  }, { connection }));
  await until("all have run", () => ends.length === 4);
  // In the order of their times: 0, 200, 400, 600, unless adding them took long.
  const wanted = [0, 200, 400, 600].sort((a, b) => due[a] - due[b]);
  assert.deepStrictEqual(ends.map(([delay]) => delay), wanted);
  for (const [delay, at] of ends) assert(at >= delay - 20, `${delay} ms: ran after ${at}`);
  console.log("BullMQ: delayed jobs run in their time");
}

async function limited() {
  const queue = kept(new Queue("limited", { connection }));
  const times = [];
  await queue.addBulk(Array.from({ length: 12 }, () => ({ name: "x", data: {} })));
  const limiter = { max: 4, duration: 400 };
  const begun = Date.now();
  kept(new Worker("limited", async () => void times.push(Date.now()), { connection, limiter, concurrency: 12 }));
  await until("all have run", () => times.length === 12);
  const took = times[11] - begun;
  assert(took >= 650, `12 jobs, 4 in 400 ms each: they took ${took} ms`);
  console.log("BullMQ: the rate is kept");
}

async function ordered() {
  const queue = kept(new Queue("ordered", { connection }));
  for (const priority of [30, 10, 20, 1]) await queue.add("x", { priority }, { priority });
  const order = [];
  kept(new Worker("ordered", async (job) => void order.push(job.data.priority), { connection }));
  await until("all have run", () => order.length === 4);
  assert.deepStrictEqual(order, [1, 10, 20, 30]);
  await queue.pause();
  await queue.add("x", { priority: 5 });
  await pause(100);
  assert.strictEqual(order.length, 4);
  await queue.resume();
  await until("it has run", () => order.length === 5);
  console.log("BullMQ: priorities, pause and resume");
}

async function families() {
  const flow = kept(new FlowProducer({ connection }));
  kept(new Worker("children", async (job) => job.data.n, { connection }));
  let sum;
  kept(new Worker("parents", async (job) => {
    sum = Object.values(await job.getChildrenValues()).reduce((a, b) => a + b, 0);
  }, { connection }));
  const children = Array.from({ length: 20 }, (_, n) => ({ name: "child", queueName: "children", data: { n } }));
  await flow.add({ name: "parent", queueName: "parents", data: {}, children });
  await until("the parent has run", () => sum !== undefined);
  assert.strictEqual(sum, 190);
  console.log("BullMQ: a parent waits for its children");
}

async function stalled() {
  const queue = kept(new Queue("stalled", { connection }));
  let runs = 0;
  const lost = new Worker("stalled", () => (runs++, new Promise(() => {})), {
    connection, lockDuration: 300, lockRenewTime: 100000, stalledInterval: 200, maxStalledCount: 1000,
  });
  const job = await queue.add("x", {});
  await until("it has begun", () => runs === 1);
  await lost.close(true);
  // Who is held up for longer than its lock lasts loses the job once more.
  const lenient = { connection, stalledInterval: 200, lockDuration: 300, maxStalledCount: 1000 };
  kept(new Worker("stalled", async () => "saved", lenient));
  await until("another worker ends it", async () => (await job.isCompleted()));
  await queue.obliterate({ force: true });
  assert.strictEqual((await queue.getJobs()).length, 0);
  console.log("BullMQ: a job that lost its worker is worked again");
}

(async () => {
  for (const part of [worked, retried, delayed, limited, ordered, families, stalled]) await part();
  await Promise.all(open.map((thing) => thing.close().catch(() => {})));
  console.log("done");
  process.exit(0);
})().catch((e) => {
  console.error(e);
  process.exit(1);
});
