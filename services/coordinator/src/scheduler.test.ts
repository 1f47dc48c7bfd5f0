import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { systemClock } from "@cogfleet/core";
import { MAX_RANKS, ONE_RANK, type Plan } from "@cogfleet/parallel";
import fc from "fast-check";
import { JobQueue, type QueuedJob } from "./queue.js";
import { type FleetWorker, schedule } from "./scheduler.js";
import { sampleQueued } from "./testing/sample-jobs.js";

function queued(jobId: string, over: Partial<QueuedJob> = {}): QueuedJob {
  return sampleQueued(jobId, { order: Number(jobId.slice(1)), ...over });
}

function queueOf(...jobs: readonly QueuedJob[]): JobQueue {
  const queue = new JobQueue();
  for (const job of jobs) queue.add(job);
  return queue;
}

/** A worker of model "a" that computes with others. */
function mate(id: string, kin: string | undefined = "fp32"): FleetWorker {
  return { id, models: ["a"], kin };
}

function alone(id: string, models: readonly string[] = ["a"]): FleetWorker {
  return { id, models, kin: undefined };
}

function planOf(ranks: number): Plan {
  return { cfg: 1, context: ranks, rates: new Array<number>(ranks).fill(1), vae: { kind: "serial" } };
}

/** The ids of the workers by job; every job takes all that it is offered. */
function started(
  queue: JobQueue,
  idle: readonly FleetWorker[],
  {
    fleet = idle,
    gathering = [],
    shares = {},
    ranksLeft = {},
  }: {
    fleet?: readonly FleetWorker[];
    gathering?: readonly string[];
    shares?: Readonly<Record<string, number>>;
    ranksLeft?: Readonly<Record<string, number>>;
  } = {},
): Record<string, string> {
  const starts = schedule(queue, idle, fleet, {
    planFor: (_job, workerIds) => ({ plan: planOf(workerIds.length), workerIds }),
    isGathering: (jobId) => gathering.includes(jobId),
    shareOf: (tenant) => shares[tenant] ?? 0,
    ranksLeft: (tenant) => ranksLeft[tenant] ?? 100,
  });
  return Object.fromEntries(starts.map(({ jobId, workerIds }) => [jobId, workerIds.join(" ")]));
}

describe("schedule, for workers that compute alone", () => {
  it("starts as many jobs as there are workers, by priority", () => {
    const queue = queueOf(queued("j1"), queued("j2", { priority: 5 }), queued("j3"));
    assert.deepEqual(started(queue, [alone("w1"), alone("w2")]), { j2: "w1", j1: "w2" });
  });

  it("passes over a job whose model no idle worker offers", () => {
    const queue = queueOf(queued("j1", { model: "b" }), queued("j2"));
    assert.deepEqual(started(queue, [alone("w1")]), { j2: "w1" });
  });

  it("leaves the worker that offers more models for the jobs that need it", () => {
    const queue = queueOf(queued("j1"), queued("j2", { model: "b" }));
    assert.deepEqual(started(queue, [alone("both", ["a", "b"]), alone("one")]), { j1: "one", j2: "both" });
  });

  it("prefers another worker than the one that held the job last, but takes that one rather than none", () => {
    const again = queued("j1", { lastWorkerIds: ["w1"] });
    assert.deepEqual(started(queueOf(again), [alone("w1"), alone("w2")]), { j1: "w2" });
    assert.deepEqual(started(queueOf(again), [alone("w1")]), { j1: "w1" });
  });

  it("never leaves a worker idle that could run a waiting job, and uses each at most once", () => {
    const model = fc.constantFrom("a", "b", "c");
    const offer = fc.record({
      models: fc.uniqueArray(model, { minLength: 1 }),
      kin: fc.constantFrom("fp32", "fp16", undefined),
    });
    fc.assert(
      fc.property(fc.array(model, { maxLength: 8 }), fc.array(offer, { maxLength: 8 }), (models, offers) => {
        const queue = queueOf(...models.map((name, i) => queued(`j${i}`, { model: name })));
        const idle = offers.map((offered, i) => ({ id: `w${i}`, ...offered }));
        const byJob = started(queue, idle);
        const used = Object.values(byJob).flatMap((ids) => ids.split(" "));
        assert.equal(new Set(used).size, used.length);
        const left = models.filter((_, i) => byJob[`j${i}`] === undefined);
        for (const { id, models: offered } of idle)
          if (!used.includes(id)) assert.ok(!offered.some((name) => left.includes(name)));
      }),
    );
  });
});

describe("schedule, for workers that compute together", () => {
  const four = ["w1", "w2", "w3", "w4"].map((id) => mate(id));

  it("gives a job that waits alone every worker, and several jobs an equal part each", () => {
    assert.deepEqual(started(queueOf(queued("j1")), four), { j1: "w1 w2 w3 w4" });
    assert.deepEqual(started(queueOf(queued("j1"), queued("j2")), four), { j1: "w1 w2", j2: "w3 w4" });
    assert.deepEqual(started(queueOf(...[1, 2, 3].map((i) => queued(`j${i}`))), four), {
      j1: "w1",
      j2: "w2",
      j3: "w3 w4",
    });
  });

  it("groups only workers that can: the same precision, and an address for tensors", () => {
    const idle = [mate("a", "fp16"), mate("b"), mate("c"), alone("d")];
    assert.deepEqual(started(queueOf(queued("j1")), idle), { j1: "b c" });
  });

  it("never takes more workers than a job may have", () => {
    const many = Array.from({ length: 40 }, (_, i) => mate(`w${i}`));
    assert.equal(started(queueOf(queued("j1")), many)["j1"]?.split(" ").length, MAX_RANKS);
  });

  it("gives a job that pins its degrees just as many workers, and the rest to the next one", () => {
    const pinned = queued("j1", { minRanks: 2, maxRanks: 2 });
    assert.deepEqual(started(queueOf(pinned, queued("j2")), four), { j1: "w1 w2", j2: "w3 w4" });
  });

  it("keeps what a waiting job will need from the jobs after it, unless it cannot start at all", () => {
    const pinned = queued("j1", { minRanks: 4, maxRanks: 4 });
    const queue = queueOf(pinned, queued("j2"));
    const two = four.slice(0, 2);
    assert.deepEqual(started(queue, two, { fleet: four }), {}, "the two others are busy");
    assert.deepEqual(started(queue, two, { fleet: two }), { j2: "w1 w2" }, "there are no others");
  });

  it("keeps the number of ranks of the attempt before while there are enough workers", () => {
    const again = queued("j1", { keptPlan: planOf(2) });
    assert.deepEqual(started(queueOf(again), four), { j1: "w1 w2" });
    assert.deepEqual(started(queueOf(queued("j1", { keptPlan: planOf(3) })), four.slice(0, 2)), {
      j1: "w1 w2",
    });
    assert.deepEqual(started(queueOf(queued("j1", { keptPlan: ONE_RANK })), four), { j1: "w1" });
  });

  it("lets a job that was begun go on with fewer workers than it pins, when there are no more", () => {
    const pinned = { minRanks: 3, maxRanks: 3 };
    const two = four.slice(0, 2);
    assert.deepEqual(started(queueOf(queued("j1", { ...pinned, keptPlan: planOf(3) })), two), {
      j1: "w1 w2",
    });
    assert.deepEqual(started(queueOf(queued("j1", pinned)), two), {});
  });

  it("waits for workers that are letting go of the attempt before, and keeps the idle ones of them", () => {
    const queue = queueOf(queued("j1", { lastWorkerIds: ["w1", "w2", "w3"] }), queued("j2"));
    const options = { gathering: ["j1"] };
    assert.deepEqual(started(queue, four, options), { j2: "w4" });
  });
});

describe("schedule, for several tenants", () => {
  const four = ["w1", "w2", "w3", "w4"].map((id) => alone(id));
  const blue = { tenant: "blue" };
  const red = { tenant: "red" };

  it("takes from each in turn, however many jobs one has submitted", () => {
    const queue = queueOf(
      ...[1, 2, 3, 4, 5].map((i) => queued(`j${i}`, blue)),
      queued("j6", red),
      queued("j7", red),
    );
    assert.deepEqual(started(queue, four), { j1: "w1", j6: "w2", j2: "w3", j7: "w4" });
  });

  it("takes first from the one that has had least, whatever the priorities of others", () => {
    const queue = queueOf(queued("j1", { ...blue, priority: 100 }), queued("j2", red));
    assert.deepEqual(started(queue, [alone("w1")], { shares: { blue: 0.5 } }), { j2: "w1" });
  });

  it("gives nobody more ranks than it may hold", () => {
    const mates = ["w1", "w2", "w3", "w4"].map((id) => mate(id));
    const queue = queueOf(queued("j1", blue), queued("j2", { ...red, minRanks: 2, maxRanks: 2 }));
    assert.deepEqual(started(queue, mates, { ranksLeft: { blue: 1, red: 1 } }), { j1: "w1" });
  });
});

it("decides within 5 ms with 100,000 jobs waiting that cannot start", () => {
  const queue = new JobQueue();
  for (let i = 0; i < 100_000; i++) {
    const tenant = `t${i % 1000}`;
    const minRanks = 2 + (i % 3);
    queue.add(queued(`j${i}`, { tenant, minRanks, maxRanks: minRanks, createdAt: i }));
  }
  const busy = [mate("w1"), mate("w2"), mate("w3"), mate("w4")];
  const idle = [mate("w1", "fp16")];
  // The quickest of some: others use the machine too.
  let quickest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 20; round++) {
    const before = systemClock.now();
    assert.deepEqual(started(queue, idle, { fleet: busy }), {});
    quickest = Math.min(quickest, systemClock.now() - before);
  }
  assert.ok(quickest < 5, `took ${quickest.toFixed(2)} ms`);
});
