// Rows 26 and 27 of docs/reliability.md: a worker that stalls, and processes of another release.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PROTOCOL_VERSION } from "@cogfleet/proto";
import { FakeWorker } from "../coordinator/fake-worker.js";
import { each, FaultFleet, stepsOf } from "./fleet.js";

const BLOCKER = new URL("./block-event-loop.js", import.meta.url).href;

describe("a fleet", { timeout: 540_000 }, () => {
  it("row 26: one whose event loop stands still for ten seconds loses its lease, and the job ends right", async (t) => {
    const fleet = await FaultFleet.start(t);
    await fleet.worker("w1", { preload: BLOCKER });
    const expected = await fleet.undisturbed();
    const { id } = await fleet.submit({ numInferenceSteps: 40 });
    await fleet.event(id, ({ step }) => step >= 3);
    fleet.signal("w1", "SIGUSR2");
    await fleet.worker("w2");
    const events = await fleet.history(id);
    assert.equal((await fleet.get(id)).state, "JOB_STATE_COMPLETED");
    assert.deepEqual(stepsOf(events), each(40));
    await fleet.until(async () => (await fleet.workers()).length === 2);
    assert.equal(await fleet.undisturbed(), expected);
  });

  it("row 27: a worker of another protocol is refused, those of ours work on, and no job fails", async (t) => {
    const fleet = await FaultFleet.start(t);
    await fleet.worker("w1");
    const expected = await fleet.undisturbed();
    const { id } = await fleet.submit({ numInferenceSteps: 40 });
    await fleet.event(id, ({ step }) => step >= 3);
    const newer = new FakeWorker(fleet.port, "newer", { protocolVersion: PROTOCOL_VERSION + 1 });
    t.after(() => newer.kill());
    const refusal = await newer.ended;
    assert.match(refusal?.details ?? "", /speaks protocol version \d+, this coordinator speaks \d+/);
    // The coordinator is replaced in the middle of a job, as an upgrade does; its workers come back by themselves.
    await fleet.killCoordinator();
    await fleet.startCoordinator();
    const events = await fleet.history(id);
    assert.deepEqual(stepsOf(events), each(40));
    assert.equal(await fleet.undisturbed(), expected);
    const failed = (await fleet.figure("cogfleet_jobs_finished_total")) - 2; // both since the start
    assert.equal(failed, 0);
  });
});
