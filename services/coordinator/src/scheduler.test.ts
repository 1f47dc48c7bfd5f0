import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { JobQueue, type QueuedJob } from "./queue.js";
import { schedule } from "./scheduler.js";

function queued(jobId: string, over: Partial<QueuedJob> = {}): QueuedJob {
  const order = Number(jobId.slice(1));
  return { jobId, model: "a", priority: 0, order, nextEpoch: 1, queuedAt: 0, lastWorkerIds: [], ...over };
}

function queueOf(...jobs: readonly QueuedJob[]): JobQueue {
  const queue = new JobQueue();
  for (const job of jobs) queue.add(job);
  return queue;
}

describe("schedule", () => {
  it("starts as many jobs as there are workers, by priority", () => {
    const queue = queueOf(queued("j1"), queued("j2", { priority: 5 }), queued("j3"));
    const idle = [
      { id: "w1", models: ["a"] },
      { id: "w2", models: ["a"] },
    ];
    assert.deepEqual(schedule(queue, idle), [
      { jobId: "j2", workerId: "w1" },
      { jobId: "j1", workerId: "w2" },
    ]);
  });

  it("passes over a job whose model no idle worker offers", () => {
    const queue = queueOf(queued("j1", { model: "b" }), queued("j2"));
    assert.deepEqual(schedule(queue, [{ id: "w1", models: ["a"] }]), [{ jobId: "j2", workerId: "w1" }]);
  });

  it("leaves the worker that offers more models for the jobs that need it", () => {
    const queue = queueOf(queued("j1"), queued("j2", { model: "b" }));
    const idle = [
      { id: "both", models: ["a", "b"] },
      { id: "one", models: ["a"] },
    ];
    assert.deepEqual(schedule(queue, idle), [
      { jobId: "j1", workerId: "one" },
      { jobId: "j2", workerId: "both" },
    ]);
  });

  it("prefers another worker than the one that held the job last, but takes that one rather than none", () => {
    const again = queued("j1", { lastWorkerIds: ["w1"] });
    const both = [
      { id: "w1", models: ["a"] },
      { id: "w2", models: ["a"] },
    ];
    assert.deepEqual(schedule(queueOf(again), both), [{ jobId: "j1", workerId: "w2" }]);
    assert.deepEqual(schedule(queueOf(again), both.slice(0, 1)), [{ jobId: "j1", workerId: "w1" }]);
  });

  it("never leaves a worker idle that could run a waiting job, and uses each at most once", () => {
    const model = fc.constantFrom("a", "b", "c");
    const cases = fc.tuple(
      fc.array(model, { maxLength: 8 }),
      fc.array(fc.uniqueArray(model, { minLength: 1 }), { maxLength: 8 }),
    );
    fc.assert(
      fc.property(cases, ([models, offers]) => {
        const queue = queueOf(...models.map((name, i) => queued(`j${i}`, { model: name })));
        const idle = offers.map((offered, i) => ({ id: `w${i}`, models: offered }));
        const pairings = schedule(queue, idle);
        const usedWorkers = new Set(pairings.map((pairing) => pairing.workerId));
        const started = new Set(pairings.map((pairing) => pairing.jobId));
        assert.equal(usedWorkers.size, pairings.length);
        assert.equal(started.size, pairings.length);
        const leftModels = models.filter((_, i) => !started.has(`j${i}`));
        for (const { id, models: offered } of idle) {
          if (!usedWorkers.has(id)) assert.ok(!offered.some((name) => leftModels.includes(name)));
        }
      }),
    );
  });
});
