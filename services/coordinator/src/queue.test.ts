import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { AGING_MS, comesBefore, JobQueue, type Lane, type QueuedJob } from "./queue.js";
import { sampleQueued } from "./testing/sample-jobs.js";

const TENANTS = ["blue", "red"];
const jobs: fc.Arbitrary<QueuedJob[]> = fc
  .array(
    fc.record({
      tenant: fc.constantFrom(...TENANTS),
      model: fc.constantFrom("a", "b"),
      priority: fc.integer({ min: -2, max: 2 }),
      minRanks: fc.constantFrom(1, 4),
      createdAt: fc.integer({ min: 0, max: 3 * AGING_MS }),
    }),
    { maxLength: 40, size: "max" },
  )
  .map((drawn) => drawn.map((job, i) => sampleQueued(`j${i}`, { ...job, order: i, queuedAt: i })));

function sorted(waiting: readonly QueuedJob[]): string[] {
  return [...waiting].sort((a, b) => (comesBefore(a, b) ? -1 : 1)).map((job) => job.jobId);
}

function allOf(jobs: Lane["jobs"]): QueuedJob[] {
  return Array.from({ length: jobs.length }, (_, i) => jobs.at(i)).filter((job) => job !== undefined);
}

describe("JobQueue", () => {
  it("keeps the jobs of each tenant in their order, whatever comes and goes", () => {
    fc.assert(
      fc.property(jobs, fc.array(fc.nat(39)), (all, gone) => {
        const queue = new JobQueue();
        for (const job of [...all].reverse()) queue.add(job);
        for (const i of gone) queue.remove(`j${i}`);
        const left = all.filter((_, i) => !gone.includes(i));
        assert.equal(queue.size, left.length);
        for (const tenant of TENANTS) {
          const own = left.filter((job) => job.tenant === tenant);
          assert.equal(queue.sizeOfTenant(tenant), own.length);
          assert.deepEqual(
            sorted(own).map((jobId) => queue.position(jobId)),
            own.map((_, i) => i),
          );
          const lanes = [...queue.lanesOf(tenant)];
          for (const { jobs } of lanes) {
            const lane = allOf(jobs);
            assert.deepEqual(
              lane.map(({ jobId }) => jobId),
              sorted(lane),
            );
            assert.equal(new Set(lane.map(({ model, minRanks }) => `${model} ${minRanks}`)).size, 1);
          }
          assert.equal(lanes.flatMap(({ jobs }) => allOf(jobs)).length, own.length);
        }
        assert.deepEqual([...queue.tenants()].sort(), [...new Set(left.map(({ tenant }) => tenant))].sort());
        assert.equal(queue.sizeOf("a"), left.filter((job) => job.model === "a").length);
        assert.equal(
          queue.oldestQueuedAt(),
          left.length === 0 ? undefined : Math.min(...left.map((j) => j.queuedAt)),
        );
      }),
    );
  });

  it("lets a job that has waited long come before newer ones of higher priority", () => {
    const old = sampleQueued("old", { createdAt: 0, order: 1 });
    const at = (minutes: number): QueuedJob =>
      sampleQueued("new", { priority: 10, createdAt: minutes * AGING_MS, order: 2 });
    assert.ok(comesBefore(at(9), old));
    assert.ok(comesBefore(old, at(10)), "equal: who came first");
    assert.ok(comesBefore(old, at(11)));
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
