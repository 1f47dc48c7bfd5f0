import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { MemoryJobStore } from "./memory-job-store.js";
import { StoreHealth } from "./store-health.js";
import { jobStoreSuite } from "./testing/job-store-suite.js";
import { sampleJob } from "./testing/sample-jobs.js";

jobStoreSuite("a store whose health is watched", async () => ({
  store: new StoreHealth().watch(new MemoryJobStore()),
  close: async () => {},
}));

describe("the health of a store", () => {
  const setUp = () => {
    const memory = new MemoryJobStore();
    const health = new StoreHealth();
    return { memory, health, store: health.watch(memory) };
  };

  it("is bad from a write that failed to the next one that succeeds, though reads go on", async () => {
    const { memory, health, store } = setUp();
    const works = memory.create.bind(memory);
    memory.create = async () => {
      throw new ClusterError("resource_exhausted", "the disk is full");
    };
    const { job, event } = sampleJob("a");
    await assert.rejects(store.create(job, [event], neverAborts));
    await store.get("a", neverAborts);
    assert.equal(health.isUp, false);
    memory.create = works;
    await store.create(job, [event], neverAborts);
    assert.equal(health.isUp, true);
  });

  it("is not judged by callers that leave, or ask for what cannot be", async () => {
    const { health, store } = setUp();
    const { job, event } = sampleJob("a");
    await store.create(job, [event], neverAborts);
    await assert.rejects(store.create(job, [event], neverAborts), { code: "already_exists" });
    await assert.rejects(store.get("a", AbortSignal.abort(new ClusterError("cancelled", "left"))));
    assert.equal(health.isUp, true);
  });
});
