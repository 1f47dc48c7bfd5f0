import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, type Logger, neverAborts, silentLogger } from "@cogfleet/core";
import { Retention } from "./retention.js";
import { House } from "./testing/house.js";
import { emptyVideo } from "./testing/sample-jobs.js";
import { watchedBlobs } from "./watched-blobs.js";

const HOUR_MS = 3_600_000;

function retention(house: House, policy: { retainHours?: number; retainJobs?: number }): Retention {
  return new Retention({ ...house, log: silentLogger }, { retainHours: 1000, retainJobs: 1000, ...policy });
}

async function ids(house: House): Promise<string[]> {
  const all = { states: [], labels: {}, before: undefined, limit: 1000 };
  return (await house.store.list(all, neverAborts)).map(({ job }) => job.id);
}

async function keys(house: House): Promise<string[]> {
  const found: string[] = [];
  for await (const key of house.blobs.keys("", neverAborts)) found.push(key);
  return found;
}

describe("Retention", () => {
  it("removes jobs and their artifacts when their hours are over, and none that has not ended", async () => {
    const house = new House();
    const worker = house.worker("w");
    await house.submit();
    await worker.finish();
    await house.clock.advance(2 * HOUR_MS);
    const second = await house.submit();
    await worker.finish();
    const running = await house.submit();
    const waiting = await house.submit();
    await house.clock.advance(HOUR_MS);
    await retention(house, { retainHours: 2 }).expire(neverAborts);
    assert.deepEqual(await ids(house), [waiting.id, running.id, second.id]);
    assert.deepEqual(await keys(house), [`jobs/${second.id}/1/video`]);
    await house.clock.advance(1000 * HOUR_MS);
    await retention(house, { retainHours: 2 }).expire(neverAborts);
    assert.deepEqual(await ids(house), [waiting.id, running.id]);
    assert.deepEqual(await keys(house), []);
  });

  it("keeps the newest when there are too many", async () => {
    const house = new House();
    const worker = house.worker("w");
    const jobs = [];
    for (let i = 0; i < 250; i++) {
      jobs.push(await house.submit());
      await worker.finish();
    }
    await retention(house, { retainJobs: 3 }).expire(neverAborts);
    assert.deepEqual(
      await ids(house),
      jobs
        .slice(-3)
        .reverse()
        .map(({ id }) => id),
    );
  });

  it("sweeps the files of failed attempts and of jobs that are gone, and leaves those that are needed", async () => {
    const house = new House();
    const worker = house.worker("w");
    const done = await house.submit();
    await worker.finish();
    const running = await house.submit();
    const put = (key: string) => house.blobs.put(key, [], emptyVideo, neverAborts);
    const needed = [`jobs/${done.id}/1/video`, `jobs/${running.id}/1/step-2`, `jobs/${running.id}/1/video`];
    for (const key of [...needed, "jobs/gone/1/video", `jobs/${done.id}/0/video`, `jobs/${done.id}/1/step-2`])
      await put(key);
    await retention(house, {}).sweep(neverAborts);
    assert.deepEqual((await keys(house)).sort(), needed.sort());
  });

  it("sweeps what cut uploads left at the start and every hour, and goes on when that fails", async () => {
    const house = new House();
    const results = [new ClusterError("unavailable", "NATS did not list uploads"), 3, 0];
    const lines: string[] = [];
    const sweep = async (): Promise<number> => {
      const result = results.shift();
      if (typeof result === "number") return result;
      throw result;
    };
    const log: Logger = {
      ...silentLogger,
      info: (fields, message) => lines.push(`${message}: ${JSON.stringify(fields)}`),
      warn: (_, message) => lines.push(message),
    };
    const policy = { retainHours: 1000, retainJobs: 1000 };
    const blobs = watchedBlobs(Object.assign(house.blobs, { sweep }), () => {});
    const stop = new AbortController();
    const watching = new Retention({ ...house, blobs, log }, policy).watch(stop.signal);
    await house.clock.advance(HOUR_MS - 1);
    assert.deepEqual(lines, ["uploads that were cut off were not removed"]);
    await house.clock.advance(2 * HOUR_MS);
    assert.deepEqual(lines.slice(1), ['uploads that were cut off removed: {"uploads":3}']);
    assert.equal(results.length, 0);
    stop.abort();
    await watching;
  });
});
