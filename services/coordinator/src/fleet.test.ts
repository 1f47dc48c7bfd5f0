import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { House } from "./testing/house.js";
import { emptyVideo, sampleWorker } from "./testing/sample-jobs.js";

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof ClusterError && error.code === expected;
}

describe("a worker that disappears", () => {
  it("gives its job back when its stream ends", async () => {
    const house = new House();
    const first = house.worker("w1");
    const job = await house.submit();
    await first.step(1);
    await first.leave();
    assert.equal(await house.state(job.id), "queued");
    assert.equal((await house.events(job.id)).at(-1)?.message, "queued again: worker w1 left");
    const second = house.worker("w2");
    await house.dispatcher.settled();
    await second.finish();
    assert.equal(await house.state(job.id), "completed");
    assert.equal((await house.jobs.get(job.id, neverAborts)).attempts, 2);
    assert.ok(house.noted.includes("lost by stream"));
  });

  it("gives its job back when its lease runs out, and its stream is closed", async () => {
    const house = new House();
    const silent = house.worker("w1");
    const job = await house.submit();
    const stop = new AbortController();
    const watch = house.fleet.watchLeases(stop.signal);
    await house.clock.advance(2900);
    assert.equal(await house.state(job.id), "running");
    await house.clock.advance(300);
    assert.equal(await house.state(job.id), "queued");
    assert.equal(silent.closedBecause?.code, "lease_lost");
    assert.ok(house.noted.includes("lost by lease"));
    stop.abort();
    await watch;
  });

  it("keeps its lease while it beats", async () => {
    const house = new House();
    const worker = house.worker("w1");
    const job = await house.submit();
    const stop = new AbortController();
    const watch = house.fleet.watchLeases(stop.signal);
    for (let second = 0; second < 10; second++) {
      await house.clock.advance(1000);
      await worker.session.receive({ kind: "heartbeat" });
    }
    assert.equal(await house.state(job.id), "running");
    stop.abort();
    await watch;
  });

  it("changes nothing when it comes back with results of its old epoch", async () => {
    const house = new House();
    const zombie = house.worker("w1");
    const job = await house.submit();
    const old = zombie.assignment;
    const again = house.worker("w1");
    await house.dispatcher.settled();
    assert.equal(zombie.closedBecause?.code, "lease_lost");
    assert.deepEqual(again.kinds, [`assign ${job.id} 2`]);

    await again.report({ kind: "step_done", ...old, step: 3, seconds: 1 });
    await again.report({ kind: "failed", ...old, error: { code: "x", message: "x" }, isRetryable: false });
    assert.equal(house.noted.filter((note) => note === "fenced").length, 2);
    assert.equal(again.kinds.at(-1), `cancel ${job.id} 1`);
    assert.equal((await house.jobs.get(job.id, neverAborts)).progress.step, 0);
    await assert.rejects(house.artifacts.put(old, emptyVideo, noBytes(), neverAborts), code("lease_lost"));
    await again.finish();
    assert.equal(await house.state(job.id), "completed");
  });

  it("is not lost when it drained and left in order, before a job that was just given to it reached it", async () => {
    const house = new House();
    const first = house.worker("w1");
    const job = await house.submit();
    await first.report({ kind: "draining" });
    await first.leave({ isOrderly: true });
    assert.equal(await house.state(job.id), "queued");
    assert.ok(
      !house.noted.some((note) => note.startsWith("lost by") || note.startsWith("noticed")),
      String(house.noted),
    );
    const second = house.worker("w2");
    await house.dispatcher.settled();
    await second.finish();
    assert.equal(await house.state(job.id), "completed");
  });

  it("is lost when it drained, and its connection broke while it held a job", async () => {
    const house = new House();
    const first = house.worker("w1");
    await house.submit();
    await first.report({ kind: "draining" });
    await first.leave();
    assert.ok(house.noted.includes("lost by stream"));
  });

  it("is not blamed when it drained first", async () => {
    const house = new House();
    const worker = house.worker("w1");
    await worker.report({ kind: "draining" });
    await worker.leave();
    assert.deepEqual(house.noted, []);
  });

  it("leaves when it is told to: hands its job on, which does not count against the job", async () => {
    const house = new House();
    const worker = house.worker("w1");
    const job = await house.submit();
    house.fleet.drain("w1");
    house.fleet.drain("w1");
    assert.deepEqual(worker.kinds, [`assign ${job.id} 1`, "drain"]);
    const other = house.worker("w2");
    await worker.step(1);
    await worker.fail(true, "worker_lost");
    await worker.leave();
    assert.deepEqual(other.assignment, { jobId: job.id, epoch: 2 });
    assert.equal((await house.jobs.get(job.id, neverAborts)).fruitlessAttempts, 0);
    assert.throws(() => house.fleet.drain("w1"), code("worker_not_found"));
  });

  it("finishes what it has while it drains, and gets nothing new", async () => {
    const house = new House();
    const worker = house.worker("w1");
    const first = await house.submit();
    const second = await house.submit();
    await worker.report({ kind: "draining" });
    await worker.finish();
    await worker.leave();
    assert.equal(await house.state(first.id), "completed");
    assert.equal(await house.state(second.id), "queued");
    assert.ok(!house.noted.some((note) => note.startsWith("lost")));
  });
});

describe("two workers that offer one name", () => {
  it("must mean one checkpoint, as long as somebody counts on the first", async () => {
    const house = new House();
    const first = house.worker("w1");
    const [model] = sampleWorker("x").models;
    assert.ok(model);
    const other = { models: [{ ...model, digest: "e".repeat(64) }] };
    assert.throws(() => house.worker("w2", other), code("invalid_checkpoint"));
    await house.submit();
    await first.leave();
    assert.throws(() => house.worker("w2", other), code("invalid_checkpoint"), "a job waits for it");
    const again = house.worker("w1");
    await house.dispatcher.settled();
    await again.finish();
    await again.leave();
    house.worker("w2", other);
  });
});

describe("a store that fails", () => {
  it("costs a job that was to start no more than the time until the next tick", async () => {
    const house = new House();
    const worker = house.worker("w");
    const { store } = house;
    const update = store.update.bind(store);
    store.update = async () => {
      throw new ClusterError("unavailable", "the store is away");
    };
    const job = await house.submit();
    assert.equal(await house.state(job.id), "queued");
    assert.deepEqual(worker.kinds, []);
    store.update = update;
    house.fleet.tick();
    assert.equal(await house.state(job.id), "running");
  });

  it("does not leave a job running whose worker has reported its end", async () => {
    const house = new House();
    const worker = house.worker("w");
    const job = await house.submit();
    const { blobs } = house;
    const stat = blobs.stat.bind(blobs);
    blobs.stat = async () => {
      throw new Error("I/O error");
    };
    await worker.finish();
    blobs.stat = stat;
    assert.deepEqual(worker.kinds, [`assign ${job.id} 1`, `assign ${job.id} 2`]);
    await worker.finish();
    assert.equal(await house.state(job.id), "completed");
  });
});

async function* noBytes(): AsyncGenerator<Uint8Array> {}
