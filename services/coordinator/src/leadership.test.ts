import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { House } from "./testing/house.js";

describe("a coordinator that leads no more", () => {
  it("cannot change a job that its successor has changed", async () => {
    const old = new House();
    const worker = old.worker("w");
    const { id } = await old.submit();
    await worker.step(1);
    const successor = new House({ store: old.store, term: 2 });
    await successor.dispatcher.reclaim(worker.assignment, "another coordinator leads");
    await worker.step(2);
    await worker.done();
    assert.ok(old.noted.filter((what) => what === "fenced").length >= 2, "nothing was counted");
    const { job } = (await successor.store.get(id, neverAborts)) ?? assert.fail("the job is gone");
    assert.deepEqual([job.state.kind, job.term, job.furthestStep], ["queued", 2, 1]);
  });

  it("changes nothing even before it has a successor, but takes cancels", async () => {
    const house = new House();
    const worker = house.worker("w");
    const { id } = await house.submit();
    house.leadership.end();
    await worker.step(1);
    assert.equal((await house.events(id)).length, 2);
    await house.jobs.cancel(id, neverAborts);
    const { job } = (await house.store.get(id, neverAborts)) ?? assert.fail("the job is gone");
    assert.deepEqual([job.state, job.term], [{ kind: "running", isCancelAsked: true }, 1]);
  });

  it("keeps nothing waiting that it could not give away: whoever leads has decided since", async () => {
    const house = new House();
    await house.worker("early").leave(); // its model is known
    const { id } = await house.submit();
    house.store.update = async () => {
      house.leadership.end();
      throw new ClusterError("unavailable", "no store");
    };
    house.worker("w");
    await house.dispatcher.settled();
    assert.equal(house.dispatcher.queue.has(id), false);
  });
});
