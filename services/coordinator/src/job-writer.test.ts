import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import type { StoredJob } from "./job-store.js";
import { MemoryJobStore } from "./memory-job-store.js";
import { House } from "./testing/house.js";

/** Counts its reads; has an old version of each job at hand when it is told to. */
class ForgetfulStore extends MemoryJobStore {
  readonly #first = new Map<string, StoredJob>();
  isBehind = false;
  reads = 0;

  constructor() {
    super();
    this.onAnyChange((jobId, stored) => {
      if (stored !== undefined && !this.#first.has(jobId)) this.#first.set(jobId, stored);
    });
  }

  override get(...args: Parameters<MemoryJobStore["get"]>): Promise<StoredJob | undefined> {
    this.reads += 1;
    return super.get(...args);
  }

  override recall(jobId: string): StoredJob | undefined {
    return this.isBehind ? this.#first.get(jobId) : super.recall(jobId);
  }
}

describe("writing down what happens to a job", () => {
  it("asks the store for nothing from a report that ends a job to the next assignment", async () => {
    const store = new ForgetfulStore();
    const house = new House({ store });
    const worker = house.worker("w");
    await house.submit();
    const second = await house.submit();
    store.reads = 0;
    await worker.fail(false);
    assert.equal(worker.kinds.at(-1), `assign ${second.id} 1`);
    assert.equal(store.reads, 0);
  });

  it("gives the worker its next job before it looks for files of the last one", async () => {
    const store = new MemoryJobStore();
    const house = new House({ store });
    const worker = house.worker("w");
    await house.submit();
    await house.submit();
    const calls: string[] = [];
    const update = store.update.bind(store);
    store.update = (job, ...rest) => {
      calls.push(`job ${job.state.kind}`);
      return update(job, ...rest);
    };
    const remove = house.blobs.delete.bind(house.blobs);
    house.blobs.delete = (key, signal) => {
      calls.push("file removed");
      return remove(key, signal);
    };
    await worker.fail(false);
    assert.deepEqual(calls.slice(0, 3), ["job failed", "job running", "file removed"]);
  });

  it("decides anew on what is stored when the version at hand is an old one", async () => {
    const store = new ForgetfulStore();
    store.isBehind = true;
    const house = new House({ store });
    const worker = house.worker("w");
    const job = await house.submit();
    assert.equal(await house.state(job.id), "running");
    await worker.step(1);
    await worker.upload();
    await worker.done([]);
    // A video is missing, though the version at hand did not run.
    assert.equal(worker.kinds.at(-1), `assign ${job.id} 2`);
    const cancelled = await house.jobs.cancel(job.id, neverAborts);
    assert.deepEqual(cancelled.state, { kind: "running", isCancelAsked: true });
    const again = await house.jobs.cancel(job.id, neverAborts);
    assert.equal(again.lastSequence, cancelled.lastSequence);
  });

  it("knows of no job that is gone, whatever is at hand", async () => {
    const store = new ForgetfulStore();
    store.isBehind = true;
    const house = new House({ store });
    house.worker("w");
    const job = await house.submit();
    await store.delete(job.id, neverAborts);
    await assert.rejects(house.jobs.cancel(job.id, neverAborts), /no job/);
  });
});
