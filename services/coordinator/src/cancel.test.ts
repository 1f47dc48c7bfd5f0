import assert from "node:assert/strict";
import { it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import { House, type TestWorker } from "./testing/house.js";

const STEPS = 3;

/** Everything that happens to a job on its worker, in its order. */
const COURSE: readonly ((worker: TestWorker) => Promise<void>)[] = [
  (worker) => worker.report({ kind: "stage_started", ...worker.assignment, stage: "encode", warnings: [] }),
  (worker) => worker.report({ kind: "stage_started", ...worker.assignment, stage: "denoise", warnings: [] }),
  ...[1, 2, STEPS].map((step) => (worker: TestWorker) => worker.storeStep(step)),
  (worker) => worker.report({ kind: "stage_started", ...worker.assignment, stage: "decode", warnings: [] }),
  (worker) => worker.upload(),
  (worker) => worker.done(),
];

it("is cancelled at every moment: one end, the worker is told at once and free within a step, nothing is left", async () => {
  for (let moment = 0; moment <= COURSE.length + 1; moment++) {
    const house = new House();
    const isWaiting = moment === 0;
    const worker = house.worker("w");
    if (isWaiting) await house.submit(); // keeps the worker busy
    const job = await house.submit({ numInferenceSteps: STEPS });
    for (const happens of COURSE.slice(0, moment - 1)) await happens(worker);
    await house.jobs.cancel(job.id, neverAborts);
    const isOver = moment > COURSE.length;
    if (!isWaiting && !isOver) {
      assert.equal(worker.kinds.at(-1), `cancel ${job.id} 1`, `at moment ${moment}`);
      await worker.fail(false, "cancelled");
      assert.equal(house.workers.idle().length, 1);
    }
    assert.equal(await house.state(job.id), isOver ? "completed" : "cancelled", `at moment ${moment}`);
    const ends = (await house.events(job.id)).filter(
      ({ state }) => state !== "queued" && state !== "running",
    );
    assert.equal(ends.length, 1);
    await house.jobs.cancel(job.id, neverAborts);
    assert.equal(
      (await house.events(job.id)).at(-1)?.sequence,
      ends[0]?.sequence,
      "a second time changes nothing",
    );
    const files: string[] = [];
    for await (const key of house.blobs.keys(`jobs/${job.id}/`, neverAborts)) files.push(key);
    assert.deepEqual(files, isOver ? [`jobs/${job.id}/1/video`] : []);
  }
});
