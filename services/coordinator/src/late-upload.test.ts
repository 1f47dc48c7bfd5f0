import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import { House } from "./testing/house.js";

describe("an upload whose answer is late, and that was made again meanwhile", () => {
  /** The first upload is stored, and its call returns, when it is told to. */
  async function withLateUpload() {
    const house = new House();
    const worker = house.worker("w");
    const job = await house.submit();
    let answer = (): void => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const put = house.blobs.put.bind(house.blobs);
    house.blobs.put = async (...args) => {
      house.blobs.put = put;
      await answered;
      await put(...args);
    };
    return { house, worker, job, answer };
  }

  it("leaves the video of a job that has completed", async () => {
    const { house, worker, job, answer } = await withLateUpload();
    const late = worker.upload();
    await worker.finish();
    answer();
    await assert.rejects(late, { code: "lease_lost" });
    assert.equal(await house.state(job.id), "completed");
    assert.ok(await house.blobs.stat(`jobs/${job.id}/1/video`, neverAborts));
  });

  it("leaves the state that a job will go on from, and the one before", async () => {
    const { house, worker, job, answer } = await withLateUpload();
    const late = worker.storeStep(1);
    await worker.storeStep(1);
    await worker.storeStep(2);
    await worker.leave();
    answer();
    await assert.rejects(late, { code: "lease_lost" });
    assert.equal(await house.state(job.id), "queued");
    for (const step of [1, 2])
      assert.ok(await house.blobs.stat(`jobs/${job.id}/1/step-${step}`, neverAborts), `step ${step}`);
  });

  it("removes what nobody needs", async () => {
    const ended = await withLateUpload();
    const lateVideo = ended.worker.upload();
    await ended.worker.leave();
    ended.answer();
    await assert.rejects(lateVideo, { code: "lease_lost" });
    const overtaken = await withLateUpload();
    const lateState = overtaken.worker.storeStep(1);
    for (const step of [1, 2, 3]) await overtaken.worker.storeStep(step);
    overtaken.answer();
    await lateState;
    assert.equal(await ended.house.blobs.stat(`jobs/${ended.job.id}/1/video`, neverAborts), undefined);
    const left: string[] = [];
    for await (const key of overtaken.house.blobs.keys("", neverAborts)) left.push(key);
    assert.deepEqual(
      left,
      [2, 3].map((step) => `jobs/${overtaken.job.id}/1/step-${step}`),
    );
  });
});
