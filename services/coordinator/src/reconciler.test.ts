import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, type Logger, neverAborts, silentLogger } from "@cogfleet/core";
import { MemoryJobStore } from "./memory-job-store.js";
import { Reconciler } from "./reconciler.js";
import { House } from "./testing/house.js";
import { sampleJob } from "./testing/sample-jobs.js";

/** A coordinator that starts on the store of one that was killed. */
function restarted(killed: House): { house: House; reconciler: Reconciler } {
  const house = new House({ store: killed.store });
  return { house, reconciler: new Reconciler({ ...house, log: silentLogger }) };
}

/** A store that nobody is told of changes by, as when a write was given up on. */
function silentStore(): MemoryJobStore {
  return Object.assign(new MemoryJobStore(), { onAnyChange: () => () => {} });
}

describe("Reconciler", () => {
  it("takes up what waited, in its order, and what ran, which comes first as it was there first", async () => {
    const killed = new House();
    const worker = killed.worker("w");
    const running = await killed.submit();
    await worker.step(1);
    const low = await killed.submit();
    const high = await killed.submit({ priority: 1 });
    const { house, reconciler } = restarted(killed);
    await reconciler.begin("it was started again", neverAborts);
    assert.equal(house.dispatcher.queue.position(high.id), 0);
    assert.equal(house.dispatcher.queue.position(running.id), 1);
    assert.equal(house.dispatcher.queue.position(low.id), 2);
    const { epoch, fruitlessAttempts } = await house.jobs.get(running.id, neverAborts);
    assert.deepEqual([epoch, fruitlessAttempts], [1, 0]);
    const last = (await house.events(running.id)).at(-1);
    assert.equal(last?.message, "queued again: it was started again");
  });

  it("ends a job whose cancel was asked before the coordinator was killed", async () => {
    const killed = new House();
    killed.worker("w");
    const job = await killed.submit();
    await killed.jobs.cancel(job.id, neverAborts);
    const { house, reconciler } = restarted(killed);
    await reconciler.begin("it was started again", neverAborts);
    assert.equal(await house.state(job.id), "cancelled");
  });

  it("enqueues a job whose submission failed after it was stored", async () => {
    const house = new House({ store: silentStore() });
    const reconciler = new Reconciler({ ...house, log: silentLogger });
    const { job, event } = sampleJob("j");
    await house.store.create(job, [event], neverAborts);
    await reconciler.tick(neverAborts);
    assert.equal(house.dispatcher.queue.size, 0, "nobody said that there was any doubt");
    reconciler.mark();
    await reconciler.tick(neverAborts);
    assert.equal(house.dispatcher.queue.position("j"), 0);
    assert.equal(house.dispatcher.queue.size, 1);
  });

  it("keeps its doubt until the store answers", async () => {
    const house = new House({ store: silentStore() });
    const reconciler = new Reconciler({ ...house, log: silentLogger });
    const { job, event } = sampleJob("j");
    await house.store.create(job, [event], neverAborts);
    const list = house.store.list.bind(house.store);
    house.store.list = async (query, signal) => {
      if (query.states.includes("queued")) throw new ClusterError("unavailable", "no store");
      return list(query, signal);
    };
    reconciler.mark();
    await assert.rejects(reconciler.tick(neverAborts), /no store/);
    house.store.list = list;
    await reconciler.tick(neverAborts);
    assert.equal(house.dispatcher.queue.size, 1);
  });

  it("takes back a job whose worker is gone when that could not be written down", async () => {
    const house = new House();
    const reconciler = new Reconciler({ ...house, log: silentLogger });
    const worker = house.worker("w");
    const job = await house.submit();
    const update = house.store.update.bind(house.store);
    house.store.update = async () => {
      throw new ClusterError("unavailable", "no store");
    };
    await worker.leave();
    house.store.update = update;
    assert.equal(await house.state(job.id), "running");
    await reconciler.tick(neverAborts);
    assert.equal(await house.state(job.id), "running", "whoever let go of it may still write why");
    await reconciler.tick(neverAborts);
    assert.equal(await house.state(job.id), "queued");
    house.worker("other");
    assert.equal(await house.state(job.id), "running");
  });

  it("has a job that it takes back given to one worker, though it is told twice that the job waits", async () => {
    const house = new House();
    const reconciler = new Reconciler({ ...house, log: silentLogger });
    const worker = house.worker("w1");
    const job = await house.submit();
    for (const id of ["w2", "w3"]) house.worker(id);
    const update = house.store.update.bind(house.store);
    house.store.update = async () => {
      throw new ClusterError("unavailable", "no store");
    };
    await worker.leave();
    let open = (): void => {};
    const isOpen = new Promise<void>((resolve) => {
      open = resolve;
    });
    house.store.update = async (changed, ...more) => {
      if (changed.state.kind === "running") await isOpen;
      return update(changed, ...more);
    };
    for (let i = 0; i < 2; i++) await reconciler.tick(neverAborts);
    assert.equal(house.workers.idle().length, 1);
    open();
    assert.equal(await house.state(job.id), "running");
  });

  it("says once a minute that it cannot take back a job, and once that it could", async () => {
    const house = new House();
    const lines: string[] = [];
    const note = (_: object, message: string): void => void lines.push(message);
    const log: Logger = { ...silentLogger, info: note, warn: note };
    const reconciler = new Reconciler({ ...house, log });
    const worker = house.worker("w");
    const job = await house.submit();
    const update = house.store.update.bind(house.store);
    house.store.update = async () => {
      throw new ClusterError("resource_exhausted", "the disk is full");
    };
    await worker.leave();
    const stop = new AbortController();
    const watching = reconciler.watch(stop.signal);
    for (let second = 0; second < 100; second += 1) await house.clock.advance(1_000);
    const failed = "jobs were not compared with the store";
    assert.deepEqual(lines, [failed, failed]);
    house.store.update = update;
    for (let second = 0; second < 10; second += 1) await house.clock.advance(1_000);
    assert.deepEqual(lines.slice(2), ["job ran for nobody", "jobs are compared with the store again"]);
    assert.equal(await house.state(job.id), "queued");
    stop.abort();
    await watching;
  });

  for (const late of [1, 2])
    it(`does not believe a list that is older than what it was told since (list ${late} of those that wait)`, async () => {
      const house = new House();
      const reconciler = new Reconciler({ ...house, log: silentLogger });
      const { job, event } = sampleJob("j");
      await house.store.create(job, [event], neverAborts);
      const list = house.store.list.bind(house.store);
      let lists = 0;
      house.store.list = async (query, signal) => {
        const page = await list(query, signal);
        if (query.states.includes("queued") && ++lists === late) await house.jobs.cancel(job.id, neverAborts);
        return page;
      };
      reconciler.mark();
      await reconciler.tick(neverAborts);
      assert.equal(lists, 2);
      assert.equal(house.dispatcher.queue.size, 0);
      assert.equal(house.backlog.figures(undefined).queuedWorkSeconds, 0);
    });

  it("leaves alone what workers hold", async () => {
    const house = new House();
    const reconciler = new Reconciler({ ...house, log: silentLogger });
    house.worker("w");
    const job = await house.submit();
    reconciler.mark();
    for (let i = 0; i < 3; i++) await reconciler.tick(neverAborts);
    const { state, epoch } = await house.jobs.get(job.id, neverAborts);
    assert.deepEqual([state.kind, epoch], ["running", 1]);
    assert.equal(house.dispatcher.queue.size, 0);
  });
});
