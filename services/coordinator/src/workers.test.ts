import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "@cogfleet/core/testing";
import { sampleWorker } from "./testing/sample-jobs.js";
import { WorkerRegistry } from "./workers.js";

const link = { send() {}, close() {} };
const AS = { tenant: "blue", form: "whole" } as const;

function registry(): { clock: ManualClock; workers: WorkerRegistry } {
  const clock = new ManualClock();
  return { clock, workers: new WorkerRegistry(clock, { leaseMs: 3000 }) };
}

/** Ticks at the registry's own interval for a while; returns the ids of those that died, and when. */
async function run(clock: ManualClock, workers: WorkerRegistry, ms: number): Promise<string[]> {
  const dead: string[] = [];
  for (let spent = 0; spent < ms; spent += workers.tickMs) {
    await clock.advance(workers.tickMs);
    dead.push(...workers.tick().dead.map(({ worker }) => `${worker.id} at ${clock.now()}`));
  }
  return dead;
}

describe("WorkerRegistry", () => {
  it("takes a worker for dead that is silent for its lease, and none that beats", async () => {
    const { clock, workers } = registry();
    workers.connect(sampleWorker("silent"), link);
    const { connection } = workers.connect(sampleWorker("beats"), link);
    assert.deepEqual(await run(clock, workers, 2700), []);
    workers.renew(connection);
    assert.deepEqual(await run(clock, workers, 2700), ["silent at 3000"]);
    assert.deepEqual(
      workers.all().map(({ worker }) => worker.id),
      ["beats"],
    );
  });

  it("blames no worker for the time in which this process itself stood still", async () => {
    const { clock, workers } = registry();
    workers.connect(sampleWorker("w"), link);
    await clock.advance(60_000);
    assert.deepEqual(workers.tick().dead, []);
    assert.deepEqual(await run(clock, workers, 2100), []);
    assert.equal((await run(clock, workers, 300)).length, 1);
  });

  it("does not mind a wall clock that jumps an hour", async () => {
    const { clock, workers } = registry();
    workers.connect(sampleWorker("w"), link);
    clock.jumpWallTime(3_600_000);
    assert.deepEqual(await run(clock, workers, 2700), []);
    clock.jumpWallTime(-7_200_000);
    assert.equal((await run(clock, workers, 300)).length, 1);
  });

  it("offers the lowest pods of a StatefulSet first, and others in the order in which they came", () => {
    const { workers } = registry();
    for (const id of ["b", "pod-10-01kabcde", "pod-2", "a"])
      workers.connect(sampleWorker(id, { hostname: id.startsWith("pod-10") ? "pod-10" : "box" }), link);
    assert.deepEqual(
      workers.idle().map(({ worker }) => worker.id),
      ["b", "a", "pod-2", "pod-10-01kabcde"],
    );
  });

  it("counts only the newest connection of a worker", () => {
    const { workers } = registry();
    const first = workers.connect(sampleWorker("w"), link).connection;
    const { connection, replaced } = workers.connect(sampleWorker("w"), link);
    assert.equal(replaced, first);
    assert.equal(workers.remove(first), false);
    workers.drain(first);
    assert.deepEqual(workers.idle(), [connection]);
  });

  it("gives a worker one assignment, and takes back only that one", () => {
    const { workers } = registry();
    const { connection } = workers.connect(sampleWorker("w"), link);
    workers.assign("w", { jobId: "j", epoch: 2 }, AS);
    assert.throws(() => workers.assign("w", { jobId: "k", epoch: 1 }, AS), /not idle/);
    assert.equal(workers.holders({ jobId: "j", epoch: 2 })[0], connection);
    assert.deepEqual(workers.holders({ jobId: "j", epoch: 1 }), []);
    assert.equal(workers.release(connection, { jobId: "j", epoch: 1 }), false);
    assert.equal(workers.release(connection, { jobId: "j", epoch: 2 }), true);
    assert.deepEqual(workers.idle(), [connection]);
  });

  it("gives nothing to a worker that drains", () => {
    const { workers } = registry();
    const { connection } = workers.connect(sampleWorker("w"), link);
    workers.drain(connection);
    assert.deepEqual(workers.idle(), []);
    assert.throws(() => workers.assign("w", { jobId: "j", epoch: 1 }, AS), /not idle/);
  });

  it("is looked at every second, or ten times a lease when that is more often", () => {
    const ticks = [300, 3_000, 120_000].map(
      (leaseMs) => new WorkerRegistry(new ManualClock(), { leaseMs }).tickMs,
    );
    assert.deepEqual(ticks, [30, 300, 1_000]);
  });
});
