import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import { parseT5Config, parseTransformerConfig, parseVaeConfig } from "@cogfleet/model";
import { House, type TestWorker } from "./testing/house.js";
import type { ModelConfigs } from "./workers.js";

const CONFIGS: ModelConfigs = {
  transformer: parseTransformerConfig("transformer", {}),
  vae: parseVaeConfig("vae", {}),
  textEncoder: parseT5Config("t5", { feed_forward_proj: "gated-gelu" }),
};

/** Workers that can compute together, and a job on all of them. */
async function together(count: number) {
  const house = new House();
  const join = (id: string): TestWorker =>
    house.worker(id, { exchangeAddress: `${id}:1`, configs: new Map([["demo", CONFIGS]]) });
  const workers = Array.from({ length: count }, (_, i) => join(`w${i}`));
  const job = await house.submit({ parallel: `cfg=1,context=${count}` });
  const [first, ...others] = workers;
  assert.ok(first !== undefined);
  return { house, join, job, first, others, workers };
}

function assignOf(worker: TestWorker) {
  const assigned = worker.commands.findLast((command) => command.kind === "assign");
  assert.ok(assigned?.kind === "assign");
  return assigned;
}

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
    assert.deepEqual(messages, ["queued again: worker w1 left"]);
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

  it("ends an attempt that makes no step for ten seconds, and goes on without whoever does not let go", async () => {
    const { house, job, first, others } = await together(2);
    await first.step(1);
    for (let second = 0; second < 12; second++) {
      await house.clock.advance(500);
      for (const worker of [first, ...others]) await worker.report({ kind: "heartbeat" });
      house.fleet.tick();
      await house.clock.advance(500);
      house.fleet.tick();
    }
    assert.equal(await house.state(job.id), "queued");
    assert.match(
      (await house.events(job.id)).at(-1)?.message ?? "",
      /no step for 1\d\.\d s, where one takes 1\.0 s/,
    );
    await first.fail(true, "cancelled");
    for (let tick = 0; tick < 8; tick++) {
      await house.clock.advance(300);
      for (const worker of [first, ...others]) await worker.report({ kind: "heartbeat" });
      house.fleet.tick();
    }
    assert.equal(await house.state(job.id), "running");
    assert.equal(assignOf(first).epoch, 2);
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
