// Rows 1, 3 and 5 of docs/reliability.md: workers that die, or stop and come back.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { systemClock } from "@cogfleet/core";
import { FakeWorker } from "../coordinator/fake-worker.js";
import { saidAt } from "../parallel-services/fleet.js";
import { each, FaultFleet, REQUEST, stepsOf } from "./fleet.js";

const STEPS = REQUEST.numInferenceSteps ?? 0;

describe("workers that fail", { timeout: 540_000 }, () => {
  it("row 1: an idle one that is killed is gone in a moment, and no job fails", async (t) => {
    const fleet = await FaultFleet.start(t);
    for (const id of ["w1", "w2"]) await fleet.worker(id);
    const expected = await fleet.undisturbed();
    const from = performance.now();
    fleet.signal("w2", "SIGKILL");
    await fleet.until(async () => (await fleet.workers()).length === 1);
    const noticedMs = performance.now() - from;
    t.diagnostic(`noticed after ${noticedMs.toFixed(0)} ms`);
    assert.ok(noticedMs < 3_000, `noticed after ${noticedMs} ms`);
    assert.equal(await fleet.undisturbed(), expected);
    assert.equal(await fleet.figure("cogfleet_jobs_finished_total"), 2);
  });

  it("row 3: when all are killed the job goes on from its last step on others, to the same video", async (t) => {
    const fleet = await FaultFleet.start(t);
    for (const id of ["w1", "w2"]) await fleet.worker(id);
    const both = { parallel: "cfg=1,context=2" };
    const expected = await fleet.undisturbed(both);
    const { id } = await fleet.submit(both);
    const { step } = await fleet.event(id, (event) => event.step >= 4);
    for (const worker of ["w1", "w2"]) fleet.signal(worker, "SIGKILL");
    await fleet.event(id, ({ sequence, state }) => Number(sequence) > 1 && state === "JOB_STATE_QUEUED");
    for (const worker of ["w3", "w4"]) await fleet.worker(worker);
    const events = await fleet.history(id);
    assert.deepEqual(stepsOf(events), each(STEPS));
    assert.equal(await fleet.video(id), expected);
    t.diagnostic(`killed at step ${step}: 0 steps computed twice, the same video`);
  });

  it("row 5: one that was stopped for longer than its lease comes back, and what it says is refused", async (t) => {
    const fleet = await FaultFleet.start(t);
    await fleet.worker("w1");
    const expected = await fleet.undisturbed();
    const { id } = await fleet.submit();
    await fleet.event(id, ({ step }) => step >= 3);
    const stoppedAt = systemClock.wallTime();
    fleet.signal("w1", "SIGSTOP");
    const again = await fleet.event(id, (event) => event.message.startsWith("queued again"));
    const noticedMs = saidAt(again) - stoppedAt;
    t.diagnostic(`noticed after ${noticedMs.toFixed(0)} ms`);
    assert.ok(noticedMs < 5_000, `noticed after ${noticedMs} ms`);
    await fleet.worker("w2");
    await fleet.event(id, (event) => event.workerIds.includes("w2") && event.parts.length > 0);
    fleet.signal("w1", "SIGCONT");
    const events = await fleet.history(id);
    assert.equal((await fleet.get(id)).state, "JOB_STATE_COMPLETED");
    assert.deepEqual(stepsOf(events), each(STEPS));
    assert.equal(await fleet.video(id), expected);
    // It comes back as itself, and is of use.
    await fleet.until(async () => (await fleet.workers()).some((one) => one.id === "w1"));
    assert.equal(await fleet.undisturbed(), expected);
  });

  it("row 5: what is reported for an attempt that is over changes nothing, and is counted", async (t) => {
    const fleet = await FaultFleet.start(t);
    const zombie = new FakeWorker(fleet.port, "zombie");
    t.after(() => zombie.kill());
    await zombie.next("welcome");
    const { id } = await fleet.submit({ numFrames: 9, height: 32, width: 32 });
    const assigned = await zombie.next("assign");
    const heir = new FakeWorker(fleet.port, "zombie"); // the same worker, on another connection
    t.after(() => heir.kill());
    await heir.next("welcome");
    const next = await heir.next("assign");
    const before = await fleet.figure("cogfleet_fenced_writes_total");
    heir.send({ stepDone: { jobId: id, epoch: assigned.epoch, step: 1, seconds: 1 } });
    await heir.next("cancelAssignment");
    assert.equal(await fleet.figure("cogfleet_fenced_writes_total"), before + 1);
    await heir.perform(next, Buffer.from("video"));
    const events = await fleet.history(id);
    assert.equal(events.at(-1)?.state, "JOB_STATE_COMPLETED");
  });
});
