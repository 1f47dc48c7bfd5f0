import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { MemoryJobStore } from "./memory-job-store.js";
import { jobStoreSuite } from "./testing/job-store-suite.js";
import { sampleJob } from "./testing/sample-jobs.js";
import { watchedStore } from "./watched-store.js";

jobStoreSuite("watchedStore", async () => ({
  store: watchedStore(new MemoryJobStore(), () => {}),
  close: async () => {},
}));

describe("watchedStore", () => {
  it("tells of writes that may have happened or not, and only of those", async () => {
    let doubts = 0;
    const memory = new MemoryJobStore();
    const store = watchedStore(memory, () => {
      doubts += 1;
    });
    const { job, event } = sampleJob("a");
    await store.create(job, [event], neverAborts);
    await assert.rejects(store.create(job, [event], neverAborts), /is taken/);
    await store.update(job, 99, [], neverAborts);
    assert.equal(doubts, 0);
    const left = AbortSignal.abort(new ClusterError("cancelled", "the client left"));
    await assert.rejects(store.create(sampleJob("b").job, [event], left), /the client left/);
    assert.equal(doubts, 1);
    memory.update = async () => {
      throw new ClusterError("unavailable", "no store");
    };
    await assert.rejects(store.update(job, 1, [], neverAborts), /no store/);
    assert.equal(doubts, 2);
  });
});
