// Rows 26 and 27 of docs/reliability.md: a worker that stalls, and processes of another release.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PROTOCOL_VERSION } from "@cogfleet/proto";
import { FakeWorker } from "../coordinator/fake-worker.js";
import { each, FaultFleet, stepsOf } from "./fleet.js";

const HANG = new URL("./hang-compute.js", import.meta.url).href;
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

  it("row 26: one whose graph does not return ends itself once its job was taken from it, and the job ends right", async (t) => {
    const fleet = await FaultFleet.start(t);
    await fleet.worker("w1", { preload: HANG, flags: ["--hung-run-ms", "2000"] });
    const expected = await fleet.undisturbed();
    const { id } = await fleet.submit();
    await fleet.event(id, ({ step }) => step >= 3);
    fleet.signal("w1", "SIGUSR2");
    await fleet.event(id, ({ message }) => /no step for 1\d\.\d s/.test(message));
    const takenAt = performance.now();
    // ONNX Runtime would abort a process that exits inside a run: it is killed, which is no exit as it should be either.
    assert.equal(await fleet.exitOf("w1"), "SIGKILL");
    t.diagnostic(`ended ${((performance.now() - takenAt) / 1000).toFixed(1)} s after its job was taken`);
    await fleet.worker("w2");
    const events = await fleet.history(id);
    assert.deepEqual(stepsOf(events), each(40));
    assert.equal(await fleet.video(id), expected);
  });

  it("row 26: two go on without the one whose graph does not return, long before it ends itself", async (t) => {
    const fleet = await FaultFleet.start(t);
    await fleet.worker("w1", { preload: HANG });
    await fleet.worker("w2");
    const request = { numInferenceSteps: 40, parallel: "context=2" };
    const expected = await fleet.undisturbed(request);
    const { id } = await fleet.submit(request);
    await fleet.event(id, ({ step }) => step >= 3);
    fleet.signal("w1", "SIGUSR2");
    await fleet.worker("w3");
    const events = await fleet.history(id);
    const { state, workerIds } = await fleet.get(id);
    assert.deepEqual([state, workerIds.toSorted()], ["JOB_STATE_COMPLETED", ["w2", "w3"]]);
    assert.deepEqual(stepsOf(events), each(40));
    assert.equal(await fleet.video(id), expected);
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
