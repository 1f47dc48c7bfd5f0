// Rows 17 to 19 of docs/reliability.md, on a real disk: a damaged checkpoint, cut uploads, no room. Mounting needs root.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, it, type TestContext } from "node:test";
import { FakeWorker } from "../coordinator/fake-worker.js";
import { each, FaultFleet, stepsOf } from "./fleet.js";

const SLOW_DISK = new URL("./slow-disk.js", import.meta.url).href;
const STEPS = 40;
const TMPFS_MIB = 64;

function tmpfs(t: TestContext, mib = TMPFS_MIB): string {
  const folder = mkdtempSync(join(tmpdir(), "cogfleet-full-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mib}m`, "cogfleet", folder]);
  t.after(() => {
    execFileSync("umount", ["-l", folder]);
    rmSync(folder, { recursive: true });
  });
  return folder;
}

/** The file of a job's state after a step. */
function checkpointFile(data: string, jobId: string, step: number): string {
  const name = readdirSync(data, { recursive: true, encoding: "utf8" }).find(
    (path) => path.includes(`${jobId}/`) && new RegExp(`\\b${step}\\.[0-9a-f]{64}$`).test(path),
  );
  assert.ok(name !== undefined, `no checkpoint of step ${step} is on the disk`);
  return join(data, name);
}

describe("storage that fails", { timeout: 540_000 }, () => {
  for (const damage of ["a flipped bit", "half of it"] as const)
    it(`row 17: with ${damage} in the newest checkpoint the job goes on from the one before`, async (t) => {
      const fleet = await FaultFleet.start(t);
      await fleet.worker("w1");
      const expected = await fleet.undisturbed({ numInferenceSteps: STEPS });
      const { id } = await fleet.submit({ numInferenceSteps: STEPS });
      await fleet.event(id, ({ step }) => step >= 10);
      fleet.signal("w1", "SIGKILL");
      await fleet.event(id, (event) => event.message.startsWith("queued again"));
      const { checkpointStep: step } = await fleet.get(id);
      await fleet.killCoordinator();
      const newest = checkpointFile(fleet.data, id, step);
      const bytes = readFileSync(newest);
      const at = bytes.length >> 1;
      bytes[at] = (bytes[at] as number) ^ 1;
      writeFileSync(newest, damage === "half of it" ? bytes.subarray(0, at) : bytes);
      await fleet.startCoordinator();
      await fleet.worker("w2");
      const events = await fleet.history(id);
      assert.equal((await fleet.get(id)).state, "JOB_STATE_COMPLETED");
      // The step whose state is damaged is the only one that has to be done again.
      assert.deepEqual(stepsOf(events), [...each(step), ...each(STEPS).slice(step - 1)]);
      assert.equal(await fleet.video(id), expected);
    });

  it("row 18: a video that could not be stored whole is none: the job is done again, and completes once", async (t) => {
    const disk = tmpfs(t);
    const fleet = await FaultFleet.start(t, [], { data: join(disk, "data") });
    const video = Buffer.from("a whole video");
    const first = new FakeWorker(fleet.port, "first");
    await first.next("welcome");
    const { id } = await fleet.submit({ numFrames: 9, height: 32, width: 32, numInferenceSteps: 1 });
    const cut = await first.next("assign");
    // Announces more than comes, as an upload that is cut does; then the worker is gone.
    await assert.rejects(first.put(cut, video, { bytes: 2 * video.length }), { code: "data_loss" });
    first.kill();

    const second = new FakeWorker(fleet.port, "second");
    const full = await second.next("assign");
    const filler = join(disk, "filler");
    assert.throws(() => writeFileSync(filler, Buffer.alloc(2 * TMPFS_MIB * 2 ** 20)), { code: "ENOSPC" });
    await assert.rejects(second.put(full, Buffer.alloc(2 ** 20)), { code: "resource_exhausted" });
    assert.equal((await fleet.get(id)).state, "JOB_STATE_RUNNING");
    // It says that it is done all the same: nothing was stored, so nothing is completed.
    const artifact = { kind: "ARTIFACT_KIND_VIDEO", bytes: 5, sha256: "a".repeat(64) } as const;
    rmSync(filler);
    second.send({ assignmentDone: { jobId: id, epoch: full.epoch, artifacts: [artifact] } });
    const again = await second.next("assign");
    await second.perform(again, video);
    const events = await fleet.history(id);
    assert.deepEqual(
      events.filter(({ state }) => state === "JOB_STATE_COMPLETED").map(({ sequence }) => Number(sequence)),
      [events.length],
    );
    assert.equal(await fleet.video(id), createHash("sha256").update(video).digest("hex"));
    second.kill();
  });

  it("row 18: a disk that takes fifteen seconds for a state costs two workers the time, and no step", async (t) => {
    const fleet = await FaultFleet.start(t, [], { preload: SLOW_DISK });
    await Promise.all([fleet.worker("w1"), fleet.worker("w2")]);
    const request = { numInferenceSteps: STEPS, parallel: "context=2" };
    const expected = await fleet.undisturbed(request);
    const { id } = await fleet.submit(request);
    await fleet.event(id, ({ step }) => step >= 3);
    const from = performance.now();
    process.kill(fleet.coordinatorPid, "SIGUSR2");
    const events = await fleet.history(id);
    assert.ok(performance.now() - from > 15_000, "the disk was not slow");
    const { state, attempts } = await fleet.get(id);
    assert.deepEqual([state, attempts], ["JOB_STATE_COMPLETED", 1]);
    assert.deepEqual(stepsOf(events), each(STEPS));
    assert.equal(await fleet.video(id), expected);
  });

  for (const mib of [TMPFS_MIB, 16])
    it(`row 19: a full disk of ${mib} MiB is said to be full, what is there is served, and it goes on when there is room`, async (t) => {
      const disk = tmpfs(t, mib);
      const fleet = await FaultFleet.start(t, [], { data: join(disk, "data") });
      const worker = new FakeWorker(fleet.port, "w");
      t.after(() => worker.kill());
      await worker.next("welcome");
      const small = { numFrames: 9, height: 32, width: 32 };
      const { id } = await fleet.submit(small);
      const filler = join(disk, "filler");
      assert.throws(() => writeFileSync(filler, Buffer.alloc(2 * TMPFS_MIB * 2 ** 20)), { code: "ENOSPC" });
      const refusal = await fleet.submit(small).then(
        () => undefined,
        (reason: { code: string; message: string }) => reason,
      );
      assert.ok(refusal !== undefined, "a job was taken that cannot be kept");
      t.diagnostic(`${refusal.code}: ${refusal.message}`);
      assert.equal(refusal.code, "resource_exhausted");
      assert.equal((await fleet.get(id)).id, id);
      rmSync(filler);
      await fleet.until(async () =>
        fleet.submit(small).then(
          () => true,
          () => false,
        ),
      );
      assert.equal((await fleet.get(id)).id, id);
    });
});
