import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
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

  it("is bad while the store cannot be reached, whoever asks, and good when it answers a probe", async () => {
    const { memory, health, store } = setUp();
    const clock = new ManualClock();
    const works = memory.get.bind(memory);
    const isAway = async (): Promise<never> => {
      throw new ClusterError("unavailable", "the servers are away");
    };
    memory.get = isAway;
    memory.create = isAway;
    const stop = new AbortController();
    const probing = health.probe(store, clock, stop.signal);
    const { job, event } = sampleJob("a");
    await assert.rejects(store.create(job, [event], neverAborts));
    await store.list({ states: [], labels: {}, before: undefined, limit: 1 }, neverAborts); // from memory
    await clock.advance(2_000);
    assert.equal(health.isUp, false);
    memory.get = works;
    await clock.advance(2_000);
    assert.equal(health.isUp, true);
    stop.abort();
    await probing;
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
