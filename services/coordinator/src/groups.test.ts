import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts, silentLogger } from "@cogfleet/core";
import { Reconciler } from "./reconciler.js";
import { House, type TestWorker } from "./testing/house.js";
import { assignOf, joinAsPeer, together } from "./testing/peers.js";

function lost(worker: TestWorker, lostRank: number): Promise<void> {
  const error = { code: "peer_lost", message: `rank ${lostRank} was lost: no sign of life for 2500 ms` };
  return worker.report({ kind: "failed", ...worker.assignment, error, isRetryable: true, lostRank });
}

describe("a job on several workers", () => {
  it("tells each its rank and where the others are, and its watchers who computes what", async () => {
    const { house, job, workers } = await together(3);
    for (const [rank, worker] of workers.entries()) {
      const assigned = assignOf(worker);
      assert.deepEqual([assigned.rank, assigned.plan.context, assigned.startStep], [rank, 3, 0]);
      assert.deepEqual(
        assigned.peers.map((peer) => peer.exchangeAddress),
        ["w0:1", "w1:1", "w2:1"],
      );
    }
    const parts = (await house.events(job.id)).flatMap((event) => event.parts);
    assert.deepEqual(
      parts.map(({ workerId, half, halves }) => [workerId, half, halves]),
      [
        ["w0", 0, 1],
        ["w1", 0, 1],
        ["w2", 0, 1],
      ],
    );
    // 16 text tokens, and 3 latent frames of 4 x 4 pixels in patches of 2 x 2.
    assert.equal(
      parts.reduce((sum, { rows }) => sum + (rows?.count ?? 0), 0),
      16 + 3 * 2 * 2,
    );
  });

  it("measures at each step how far the slowest rank is behind the median one, as they tell it", async () => {
    const { house, first, others } = await together(3);
    const computed = async (worker: TestWorker | undefined, stepComputeSeconds: number): Promise<void> =>
      worker?.report({ kind: "heartbeat", stepComputeSeconds });
    const ratios = (): string[] => house.noted.filter((note) => note.startsWith("slowest"));
    await computed(first, 1.5);
    await computed(others[0], 0); // in no step yet
    await first.step(1);
    assert.deepEqual(ratios(), []);
    await computed(others[0], 2);
    await computed(others[1], 5);
    await first.step(2);
    await computed(others[1], 2);
    await first.step(3);
    assert.deepEqual(ratios(), ["slowest rank took 2.5 times as long", "slowest rank took 1 times as long"]);
  });

  it("completes with rank 0, whenever the others are done", async () => {
    const { house, job, first, others } = await together(3);
    await others[0]?.done([]);
    assert.equal(await house.state(job.id), "running");
    await first.finish();
    assert.equal(await house.state(job.id), "completed");
    assert.deepEqual(others[1]?.kinds, [`assign ${job.id} 1`]);
    await others[1]?.done([]);
    assert.equal(house.workers.idle().length, 3);
    assert.ok(!house.noted.includes("fenced"));
  });

  it("goes on from its last step with the workers that are left, once they have let go", async () => {
    const { house, job, first, others } = await together(3);
    await first.storeStep(2);
    await others[0]?.leave();
    assert.equal(await house.state(job.id), "queued");
    assert.deepEqual(first.kinds.slice(1), [`cancel ${job.id} 1`]);
    await first.fail(true, "cancelled");
    assert.equal(await house.state(job.id), "queued", "one of them is not free yet");
    await others[1]?.fail(true, "cancelled");
    assert.equal(await house.state(job.id), "running");
    const { plan, startStep, epoch } = assignOf(first);
    assert.deepEqual([plan.context, startStep, epoch], [2, 2, 2]);
    const after = await house.jobs.get(job.id, neverAborts);
    assert.deepEqual([after.attempts, after.progress.step], [2, 2]);
  });

  it("does not wait for ever for a worker that does not let go", async () => {
    const { house, job, first, others } = await together(3);
    await others[0]?.leave();
    await first.fail(true, "cancelled");
    for (let tick = 0; tick < 8; tick++) {
      await house.clock.advance(300);
      await first.report({ kind: "heartbeat" });
      await others[1]?.report({ kind: "heartbeat" });
      house.fleet.tick();
    }
    assert.equal(await house.state(job.id), "running");
    assert.equal(assignOf(first).plan.context, 1);
  });

  it("counts one failure when several ranks tell of it", async () => {
    const { house, job, first, others } = await together(3);
    await lost(first, 1);
    await lost(others[1] as TestWorker, 1);
    assert.equal(await house.state(job.id), "running", "rank 1 may still say why");
    await others[0]?.leave();
    assert.equal(await house.state(job.id), "running", "again");
    const after = await house.jobs.get(job.id, neverAborts);
    assert.deepEqual([after.attempts, after.fruitlessAttempts, after.epoch], [2, 1, 2]);
    const messages = (await house.events(job.id)).map(({ message }) => message).filter((m) => m !== "");
    assert.deepEqual(messages, [
      "queued again: worker w1 was lost: its connection ended, 0.0 s after its last word",
    ]);
  });

  it("takes a rank's own reason for the end of the attempt, not what the others saw of it", async () => {
    const { house, job, first, others } = await together(2);
    await lost(first, 1);
    await others[0]?.fail(false, "numeric_error");
    assert.equal(await house.state(job.id), "failed");
    const { state } = await house.jobs.get(job.id, neverAborts);
    assert.equal(state.kind === "failed" && state.error.code, "numeric_error");
  });

  it("takes the others' word when the lost rank says nothing for a second", async () => {
    const { house, job, first, others } = await together(3);
    await lost(first, 1);
    for (let tick = 0; tick < 4; tick++) {
      await house.clock.advance(300);
      for (const worker of [first, ...others]) await worker.report({ kind: "heartbeat" });
      house.fleet.tick();
    }
    assert.equal(await house.state(job.id), "queued");
    assert.ok(house.noted.includes("noticed by peer after 1.2 s"), house.noted.join());
    assert.deepEqual(others[1]?.kinds.slice(1), [`cancel ${job.id} 1`]);
  });

  it("goes on without a worker that wants to leave, from the next step on", async () => {
    const { house, job, first, others } = await together(2);
    await others[0]?.report({ kind: "draining" });
    assert.equal(first.kinds.at(-1), `yield ${job.id} 1`);
    await first.step(1);
    assert.equal(await house.state(job.id), "running");
    await first.fail(false, "cancelled");
    assert.equal(await house.state(job.id), "queued");
    await others[0]?.fail(true, "cancelled");
    assert.equal(await house.state(job.id), "running");
    assert.equal(assignOf(first).plan.context, 1);
    assert.equal((await house.events(job.id)).at(-2)?.message, "queued again: worker w1 is shutting down");
  });

  it("is taken back from a rank 0 that does not stop at the step that it was asked to", async () => {
    const { house, job, first, others } = await together(2);
    await others[0]?.report({ kind: "draining" });
    await first.step(1);
    assert.equal(await house.state(job.id), "running");
    await first.step(2);
    assert.equal(await house.state(job.id), "queued");
    assert.equal(first.kinds.at(-1), `cancel ${job.id} 1`);
  });

  it("is cancelled on every rank", async () => {
    const { house, job, workers } = await together(3);
    await house.jobs.cancel(job.id, neverAborts);
    for (const worker of workers) assert.equal(worker.kinds.at(-1), `cancel ${job.id} 1`);
    for (const worker of workers) await worker.fail(true, "cancelled");
    assert.equal(await house.state(job.id), "cancelled");
    assert.equal(house.workers.idle().length, 3);
  });
});

describe("a job whose workers come back after a restart", () => {
  async function restarted() {
    const { house: killed, job, first } = await together(3);
    await first.storeStep(1);
    const house = new House({ store: killed.store });
    await new Reconciler({ ...house, log: silentLogger }).begin("started again", neverAborts);
    house.dispatcher.expectReturn(3_000);
    return { house, job };
  }

  it("waits until all of them are there, and keeps its plan", async () => {
    const { house, job } = await restarted();
    for (const id of ["w1", "w0"]) joinAsPeer(house, id);
    assert.equal(await house.state(job.id), "queued");
    joinAsPeer(house, "w2");
    assert.equal(await house.state(job.id), "running");
    assert.equal((await house.jobs.get(job.id, neverAborts)).plan?.context, 3);
  });

  it("goes on without those that are not there in time", async () => {
    const { house, job } = await restarted();
    for (const id of ["w1", "w0"]) joinAsPeer(house, id);
    assert.equal(await house.state(job.id), "queued");
    await house.clock.advance(3_000);
    house.fleet.tick();
    assert.equal(await house.state(job.id), "running");
    assert.equal((await house.jobs.get(job.id, neverAborts)).plan?.context, 2);
  });
});
