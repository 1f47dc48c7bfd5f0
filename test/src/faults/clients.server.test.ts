// Rows 22 and 23 of docs/reliability.md: clients that ask many times, or change their mind.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FakeWorker } from "../coordinator/fake-worker.js";
import { FaultFleet } from "./fleet.js";

const TERMINAL = ["JOB_STATE_COMPLETED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED"];

describe("clients", { timeout: 540_000 }, () => {
  it("row 22: a storm of one submission is one job, and another body under its key is refused", async (t) => {
    const fleet = await FaultFleet.start(t);
    const worker = new FakeWorker(fleet.port, "w");
    t.after(() => worker.kill());
    await worker.next("welcome");
    const small = { numFrames: 9, height: 32, width: 32, idempotencyKey: "storm" };
    const jobs = await Promise.all(Array.from({ length: 200 }, () => fleet.submit(small)));
    assert.equal(new Set(jobs.map(({ id }) => id)).size, 1);
    assert.equal(await fleet.figure("cogfleet_jobs_submitted_total"), 1);
    assert.equal(await fleet.figure("cogfleet_submit_deduplicated_total"), 199);
    await assert.rejects(fleet.submit({ ...small, seed: "8" }), { code: "already_exists" });
  });

  it("row 23: a cancel ends a job once, at whatever moment it comes", async (t) => {
    const fleet = await FaultFleet.start(t);
    for (const id of ["w1", "w2"]) await fleet.worker(id, { flags: ["--local-workers", "2"] });
    // So large that a stage is not over before the cancel comes.
    const both = { parallel: "cfg=1,context=2", height: 128, width: 128, numInferenceSteps: 10 };
    const moments = ["JOB_STATE_QUEUED", "STAGE_ENCODE", "STAGE_DENOISE", "STAGE_DECODE"];
    for (const moment of moments) {
      const { id } = await fleet.submit(both);
      if (moment !== "JOB_STATE_QUEUED") await fleet.event(id, ({ stage }) => stage === moment);
      const askedAt = performance.now();
      await fleet.cancel(id);
      const events = await fleet.history(id);
      const ends = events.filter(({ state }) => TERMINAL.includes(state));
      assert.equal(ends.length, 1, moment);
      assert.equal(ends[0]?.state, "JOB_STATE_CANCELLED", moment);
      t.diagnostic(`at ${moment}: over after ${(performance.now() - askedAt).toFixed(0)} ms`);
      assert.equal((await fleet.cancel(id)).state, "JOB_STATE_CANCELLED");
    }
    // The devices are free afterwards, and what has ended stays as it is.
    const { id } = await fleet.submit(both);
    await fleet.history(id);
    assert.equal((await fleet.cancel(id)).state, "JOB_STATE_COMPLETED");
  });
});
