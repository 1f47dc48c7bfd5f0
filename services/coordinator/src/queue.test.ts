import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { JobQueue, type QueuedJob } from "./queue.js";
import { sampleQueued } from "./testing/sample-jobs.js";

const jobs: fc.Arbitrary<QueuedJob[]> = fc
  .array(fc.record({ model: fc.constantFrom("a", "b", "c"), priority: fc.integer({ min: -2, max: 2 }) }), {
    maxLength: 40,
    size: "max",
  })
  .map((drawn) => drawn.map((job, i) => sampleQueued(`j${i}`, { ...job, order: i, queuedAt: i })));

function sorted(waiting: readonly QueuedJob[]): string[] {
  return [...waiting].sort((a, b) => b.priority - a.priority || a.order - b.order).map((job) => job.jobId);
}

describe("JobQueue", () => {
  it("keeps jobs by priority and then by submission, whatever comes and goes", () => {
    fc.assert(
      fc.property(jobs, fc.array(fc.nat(39)), (all, gone) => {
        const queue = new JobQueue();
        for (const job of [...all].reverse()) queue.add(job);
        for (const i of gone) queue.remove(`j${i}`);
        const left = all.filter((_, i) => !gone.includes(i));
        const everything = [...queue.inOrder(new Set(["a", "b", "c"]))].map((job) => job.jobId);
        assert.deepEqual(everything, sorted(left));
        assert.equal(queue.size, left.length);
        assert.deepEqual(
          everything.map((jobId) => queue.position(jobId)),
          everything.map((_, i) => i),
        );
        const ofA = left.filter((job) => job.model === "a");
        assert.deepEqual(
          [...queue.inOrder(new Set(["a"]))].map((job) => job.jobId),
          sorted(ofA),
        );
        assert.equal(queue.sizeOf("a"), ofA.length);
        assert.equal(
          queue.oldestQueuedAt(),
          left.length === 0 ? undefined : Math.min(...left.map((j) => j.queuedAt)),
        );
      }),
    );
  });

  it("passes over a model that is taken out of the set while it is read", () => {
    const queue = new JobQueue();
    for (const [order, model] of ["a", "a", "b", "a"].entries()) {
      queue.add(sampleQueued(`j${order}`, { model, order }));
    }
    const wanted = new Set(["a", "b"]);
    const seen: string[] = [];
    for (const job of queue.inOrder(wanted)) {
      seen.push(job.jobId);
      wanted.delete("a");
    }
    assert.deepEqual(seen, ["j0", "j2"]);
  });

  it("takes a job once", () => {
    const queue = new JobQueue();
    const job = sampleQueued("j");
    queue.add(job);
    queue.add(job);
    assert.equal(queue.size, 1);
    assert.equal(queue.remove("j"), job);
    assert.equal(queue.remove("j"), undefined);
    assert.equal(queue.position("j"), 0);
  });
});
