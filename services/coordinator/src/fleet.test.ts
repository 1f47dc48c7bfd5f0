import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { House, type TestWorker } from "./testing/house.js";
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
    assert.equal(
      (await house.events(job.id)).at(-1)?.message,
      "queued again: worker w1 was lost: its connection ended, 0.0 s after its last word",
    );
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
    assert.equal((await house.jobs.get(job.id, neverAborts)).fruitlessAttempts, 0);
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

  it("does not take a job back from workers that were told of it", async () => {
    const house = new House();
    const worker = house.worker("w");
    const { store } = house;
    const { get, update } = { get: store.get.bind(store), update: store.update.bind(store) };
    store.update = async (...change) => {
      const stored = await update(...change);
      // From now on, also for whatever else is to be looked up for the assignment.
      store.get = async () => {
        throw new ClusterError("unavailable", "the store is away");
      };
      return stored;
    };
    const job = await house.submit();
    store.get = get;
    store.update = update;
    assert.deepEqual(worker.kinds, [`assign ${job.id} 1`]);
    assert.deepEqual(house.workers.idle(), []);
    await worker.finish();
    assert.equal(await house.state(job.id), "completed");
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

  it("takes nothing from a worker whose report of an attempt that is over cannot be written down", async () => {
    const house = new House();
    const worker = house.worker("w");
    const first = await house.submit();
    const second = await house.submit();
    await worker.fail(false);
    assert.equal(await house.state(first.id), "failed");
    const { store } = house;
    const { recall, get } = { recall: store.recall.bind(store), get: store.get.bind(store) };
    store.recall = () => undefined;
    store.get = async () => {
      throw new ClusterError("unavailable", "the store is away");
    };
    const error = { code: "numeric_error", message: "said again" };
    await worker.report({ kind: "failed", jobId: first.id, epoch: 1, error, isRetryable: false });
    Object.assign(store, { recall, get });
    assert.deepEqual(house.workers.idle(), []);
    await worker.finish();
    assert.equal(await house.state(second.id), "completed");
    assert.equal((await house.jobs.get(second.id, neverAborts)).attempts, 1);
  });
});

async function* noBytes(): AsyncGenerator<Uint8Array> {}

describe("a state that is damaged", () => {
  async function withTwoStates() {
    const house = new House();
    const worker = house.worker("w1");
    const job = await house.submit();
    await worker.storeStep(1);
    await worker.storeStep(2);
    const keys: string[] = [];
    for await (const key of house.blobs.keys("", neverAborts)) keys.push(key);
    assert.deepEqual(keys, [`jobs/${job.id}/1/step-1`, `jobs/${job.id}/1/step-2`], "the one before is kept");
    return { house, worker, job };
  }
  const startOf = (worker: TestWorker): number | undefined => {
    const assigned = worker.commands.findLast((command) => command.kind === "assign");
    return assigned?.kind === "assign" ? assigned.startStep : undefined;
  };

  it("gives way to the one before, and the job says so", async () => {
    const { house, worker, job } = await withTwoStates();
    const spoilt = { bytes: 1, sha256: emptyVideo.sha256 };
    await house.blobs.delete(`jobs/${job.id}/1/step-2`, neverAborts);
    await house.blobs.put(`jobs/${job.id}/1/step-2`, [], { ...spoilt, bytes: 0 }, neverAborts);
    await worker.leave();
    const next = house.worker("w2");
    await house.dispatcher.settled();
    assert.equal(startOf(next), 1);
    const { warnings, progress } = await house.jobs.get(job.id, neverAborts);
    assert.deepEqual(warnings, ["the state after step 2 was damaged: it goes on from step 1"]);
    assert.equal(progress.step, 1);
    assert.equal(house.noted.filter((note) => note === "damaged").length, 1);
  });

  it("is done without when there is none before", async () => {
    const { house, worker, job } = await withTwoStates();
    for (const step of [1, 2]) await house.blobs.delete(`jobs/${job.id}/1/step-${step}`, neverAborts);
    await worker.leave();
    const next = house.worker("w2");
    await house.dispatcher.settled();
    assert.equal(startOf(next), 0);
    await next.finish();
    assert.equal(await house.state(job.id), "completed");
    const left: string[] = [];
    for await (const key of house.blobs.keys("", neverAborts)) left.push(key);
    assert.deepEqual(left, [`jobs/${job.id}/2/video`]);
  });
});

describe("a job that takes its worker down each time", () => {
  /** Every worker that is given the job dies of it and comes back, until the job has ended. */
  async function poison(ids: readonly string[]) {
    const house = new House();
    const workers = new Map(ids.map((id) => [id, house.worker(id)]));
    const job = await house.submit();
    const victims: string[] = [];
    while ((await house.state(job.id)) === "running" && victims.length < 20) {
      const [id = ""] = (await house.jobs.get(job.id, neverAborts)).workerIds;
      victims.push(id);
      await workers.get(id)?.leave();
      workers.set(id, house.worker(id));
    }
    const { state } = await house.jobs.get(job.id, neverAborts);
    return { house, victims, state };
  }

  it("is set aside with all the reasons, once another worker has tried it, too; others go on", async () => {
    const { house, victims, state } = await poison(["w1", "w2"]);
    assert.deepEqual(victims, ["w1", "w2", "w1"]);
    assert.deepEqual(state.kind === "failed" && state.error, {
      code: "worker_lost",
      message:
        "gave up after 3 attempts in a row that got nowhere: " +
        [1, 2, 1]
          .map((n, i) => `(${i + 1}) worker w${n} was lost: its connection ended, 0.0 s after its last word`)
          .join(" "),
    });
    const healthy = await house.submit();
    assert.equal(await house.state(healthy.id), "running");
  });

  it("is set aside as soon when there is no other worker", async () => {
    const { victims, state } = await poison(["w1"]);
    assert.deepEqual([victims.length, state.kind], [3, "failed"]);
  });

  it("is tried where it was not yet, however often one worker dies of it", async () => {
    const house = new House();
    const busy = house.worker("busy");
    await house.submit();
    const job = await house.submit();
    for (let n = 1; n <= 4; n++) {
      const worker = house.worker("w");
      await house.dispatcher.settled();
      await worker.leave();
      assert.equal(await house.state(job.id), "queued", `after ${n}`);
    }
    await busy.finish();
    assert.equal(busy.assignment.jobId, job.id);
    await busy.leave();
    assert.equal(await house.state(job.id), "failed");
  });
});

describe("a job for which memory does not suffice", () => {
  it("is tried in tiles when it allows that, and says that it is approximate", async () => {
    const house = new House();
    const worker = house.worker("w1");
    const job = await house.submit({ allowVaeTilingFallback: true });
    await worker.fail(false, "out_of_memory");
    const again = worker.commands.at(-1);
    assert.ok(again?.kind === "assign");
    assert.deepEqual([again.epoch, again.request.vaeTiling], [2, true]);
    const { isTiled, request, warnings } = await house.jobs.get(job.id, neverAborts);
    assert.deepEqual([isTiled, request.vaeTiling], [true, false]);
    assert.match(warnings.join(), /decoded in tiles/);
    await worker.fail(false, "out_of_memory");
    assert.equal(await house.state(job.id), "failed");
  });

  it("fails with the reason when nothing else is left", async () => {
    const house = new House();
    const worker = house.worker("w1");
    const job = await house.submit();
    await worker.fail(false, "out_of_memory");
    const { state } = await house.jobs.get(job.id, neverAborts);
    assert.equal(state.kind === "failed" && state.error.code, "out_of_memory");
  });
});
