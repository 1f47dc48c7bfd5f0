import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import { parseT5Config, parseTransformerConfig, parseVaeConfig } from "@cogfleet/model";
import { House, type TestWorker } from "./testing/house.js";

const CONFIGS = {
  transformer: parseTransformerConfig("transformer", {}),
  vae: parseVaeConfig("vae", {}),
  textEncoder: parseT5Config("t5", { feed_forward_proj: "gated-gelu" }),
};
/** Slow enough that jobs take minutes, and that transfers do not matter. */
const SLOW = { configs: new Map([["demo", CONFIGS]]), flopsPerSecond: 1e9, memoryBytes: 1e15 };

function mate(house: House, id: string): TestWorker {
  return house.worker(id, { ...SLOW, exchangeAddress: `${id}:1` });
}

async function pass(house: House, workers: readonly TestWorker[], seconds: number): Promise<void> {
  for (let t = 0; t < seconds; t += 0.25) {
    await house.clock.advance(250);
    for (const worker of workers) await worker.report({ kind: "heartbeat" });
    house.fleet.tick();
  }
  await house.dispatcher.settled();
}

function ranksOf(worker: TestWorker): number {
  const assigned = worker.commands.findLast((command) => command.kind === "assign");
  return assigned?.kind === "assign" ? assigned.peers.length : 0;
}

describe("a job of higher priority", () => {
  it("takes the worker of another one at its next step, which goes on from there later", async () => {
    const house = new House();
    const worker = house.worker("w");
    const low = await house.submit();
    await house.submit();
    const high = await house.submit({ priority: 5 });
    await pass(house, [worker], 1);
    assert.equal(worker.kinds.at(-1), `yield ${low.id} 1`);
    await pass(house, [worker], 2);
    assert.equal(worker.kinds.filter((kind) => kind.startsWith("yield")).length, 1);
    await worker.storeStep(1, 100);
    await worker.fail(false, "cancelled");
    assert.equal(await house.state(high.id), "running");
    const { state, fruitlessAttempts } = await house.jobs.get(low.id, neverAborts);
    assert.deepEqual([state.kind, fruitlessAttempts], ["queued", 0]);
    await pass(house, [worker], 2);
    assert.equal(worker.kinds.at(-1), `assign ${high.id} 1`, "nobody takes it back");
    await worker.finish();
    assert.deepEqual(worker.assignment, { jobId: low.id, epoch: 2 });
    assert.equal((await house.jobs.get(low.id, neverAborts)).progress.step, 1);
    assert.ok(house.noted.includes("preempted"));
  });

  it("waits when another worker is free, when the other job is as urgent, or is being decoded", async () => {
    const house = new House();
    const worker = house.worker("w");
    await house.submit({ priority: 5 });
    await house.submit({ priority: 5 });
    await pass(house, [worker], 2);
    assert.equal(worker.kinds.length, 1);
    await worker.report({ kind: "stage_started", ...worker.assignment, stage: "decode", warnings: [] });
    await house.submit({ priority: 9 });
    await pass(house, [worker], 2);
    assert.equal(worker.kinds.length, 1);
  });

  it("does not take from a tenant that has had less", async () => {
    const house = new House();
    const workers = [house.worker("w1"), house.worker("w2")];
    for (const tenant of ["blue", "red"]) await house.submit({ tenant });
    await house.submit({ tenant: "blue", priority: 9 });
    await pass(house, workers, 2);
    const asked = workers.filter((worker) => worker.kinds.some((kind) => kind.startsWith("yield")));
    assert.deepEqual(asked, [workers[0]], "its own");
  });
});

describe("a job on several workers", () => {
  it("gives half of them to a short job that waits, and takes them back afterwards", async () => {
    const house = new House();
    const workers = ["w1", "w2"].map((id) => mate(house, id));
    const [first, second] = workers as [TestWorker, TestWorker];
    const long = await house.submit({ numInferenceSteps: 500 });
    assert.equal(ranksOf(first), 2);
    for (const n of [1, 2]) await first.storeStep(n, 100);
    const short = await house.submit({ numInferenceSteps: 2 });
    await pass(house, workers, 1);
    assert.equal(first.kinds.at(-1), `yield ${long.id} 1`);
    await first.storeStep(3, 100);
    await first.fail(false, "cancelled");
    await second.fail(true, "peer_lost");
    assert.deepEqual([await house.state(long.id), await house.state(short.id)], ["running", "running"]);
    const [ofLong, ofShort] = first.assignment.jobId === long.id ? [first, second] : [second, first];
    assert.deepEqual([ranksOf(ofLong), ranksOf(ofShort)], [1, 1]);
    for (const n of [4, 5]) await ofLong.storeStep(n, 200);
    await pass(house, workers, 2);
    assert.equal(ofLong.kinds.at(-1), `assign ${long.id} 2`, "nothing is free");

    await ofShort.finish();
    await pass(house, workers, 2);
    assert.equal(ofLong.kinds.at(-1), `yield ${long.id} 2`);
    await ofLong.storeStep(6, 200);
    await ofLong.fail(false, "cancelled");
    assert.deepEqual([ranksOf(first), ranksOf(second)], [2, 2]);
    const { state, progress, fruitlessAttempts } = await house.jobs.get(long.id, neverAborts);
    assert.deepEqual([state.kind, progress.step, fruitlessAttempts], ["running", 6, 0]);
  });

  it("keeps them when its degrees are pinned", async () => {
    const house = new House();
    const workers = ["w1", "w2"].map((id) => mate(house, id));
    const [first] = workers as [TestWorker, TestWorker];
    await house.submit({ numInferenceSteps: 500, parallel: "cfg=1,context=2" });
    for (const n of [1, 2]) await first.storeStep(n, 100);
    await house.submit({ numInferenceSteps: 2 });
    mate(house, "w3");
    await pass(house, workers, 2);
    assert.ok(!first.kinds.some((kind) => kind.startsWith("yield")));
  });

  it("goes on without a worker that is five times as slow as the others", async () => {
    const house = new House();
    const workers = ["w1", "w2", "w3"].map((id) => mate(house, id));
    const [first, slow, third] = workers as [TestWorker, TestWorker, TestWorker];
    const job = await house.submit({ numInferenceSteps: 500, parallel: "cfg=1,context=3" });
    const computes = async (seconds: number): Promise<void> => {
      await slow.report({ kind: "heartbeat", stepComputeSeconds: seconds });
      for (const worker of [first, third]) await worker.report({ kind: "heartbeat", stepComputeSeconds: 10 });
    };
    for (const n of [1, 2, 3]) {
      await computes(30);
      await first.storeStep(n, 30);
      await pass(house, workers, 1);
    }
    assert.equal(first.kinds.length, 1, "three times as slow is not enough");
    await computes(60);
    await pass(house, workers, 2);
    assert.equal(first.kinds.length, 1, "once may be chance");
    await first.storeStep(4, 60);
    await pass(house, workers, 1);
    assert.equal(first.kinds.at(-1), `yield ${job.id} 1`);
    await first.storeStep(5, 60);
    await first.fail(false, "cancelled");
    for (const worker of [slow, third]) await worker.fail(true, "peer_lost");
    const { workerIds, progress } = await house.jobs.get(job.id, neverAborts);
    assert.deepEqual([[...workerIds].sort(), progress.step], [["w1", "w3"], 5]);
    const after = await house.submit();
    assert.deepEqual((await house.jobs.get(after.id, neverAborts)).workerIds, ["w2"], "alone it may serve");
  });
});
