import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import { MemoryJobStore } from "./memory-job-store.js";
import { StoreHealth } from "./store-health.js";
import { jobStoreSuite } from "./testing/job-store-suite.js";
import { sampleJob } from "./testing/sample-jobs.js";

jobStoreSuite("a store whose health is watched", async () => ({
  store: new StoreHealth(new ManualClock()).watch(new MemoryJobStore()),
  close: async () => {},
}));

describe("the health of a store", () => {
  const setUp = () => {
    const memory = new MemoryJobStore();
    const clock = new ManualClock();
    const health = new StoreHealth(clock);
    return { memory, clock, health, store: health.watch(memory) };
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
    const { memory, clock, health, store } = setUp();
    const works = memory.get.bind(memory);
    const isAway = async (): Promise<never> => {
      throw new ClusterError("unavailable", "the servers are away");
    };
    memory.get = isAway;
    memory.create = isAway;
    const stop = new AbortController();
    const probing = health.probe(store, stop.signal);
    const { job, event } = sampleJob("a");
    await assert.rejects(store.create(job, [event], neverAborts));
    await store.list({ states: [], labels: {}, before: undefined, limit: 1 }, neverAborts); // from memory
    await store.events("a", 0, 1, neverAborts); // too
    assert.equal(health.isUp, false);
    await clock.advance(2_000);
    assert.equal(health.isUp, false);
    memory.get = works;
    await clock.advance(2_000);
    assert.equal(health.isUp, true);
    stop.abort();
    await probing;
  });

  it("is an outage once nothing was answered for ten seconds, until something is", async () => {
    const { memory, clock, health, store } = setUp();
    const works = memory.get.bind(memory);
    const isAway = async (): Promise<never> => {
      throw new ClusterError("unavailable", "the servers are away");
    };
    const stop = new AbortController();
    const probing = health.probe(store, stop.signal);
    for (const [awayMs, expected] of [
      [8_000, undefined],
      [12_000, /^the job store has not answered for 1\d s$/],
    ] as const) {
      memory.get = isAway;
      for (let ms = 0; ms < awayMs; ms += 2_000) await clock.advance(2_000);
      if (expected === undefined) assert.equal(health.outage, undefined);
      else assert.match(health.outage ?? "ready", expected);
      memory.get = works;
      await clock.advance(2_000);
      assert.equal(health.outage, undefined);
    }
    stop.abort();
    await probing;
  });

  it("is no outage while a full disk can be read", async () => {
    const { memory, clock, health, store } = setUp();
    memory.create = async () => {
      throw new ClusterError("resource_exhausted", "the disk is full");
    };
    const { job, event } = sampleJob("a");
    await assert.rejects(store.create(job, [event], neverAborts));
    await clock.advance(60_000);
    assert.equal(health.isUp, false);
    assert.equal(health.outage, undefined);
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
