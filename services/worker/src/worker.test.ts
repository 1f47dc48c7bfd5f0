import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ClusterError, neverAborts, silentLogger } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import { readTensors } from "@cogfleet/model";
import type { Report } from "./assignment.js";
import type { VideoEncoder } from "./mp4/video-encoder.js";
import { ARGS, assignment, FakeLink, FakeModel } from "./testing/fakes.js";
import { Worker } from "./worker.js";

/** Writes down what it was given instead of encoding it. */
const plainEncoder: VideoEncoder = {
  encoder: "wasm",
  encode: async ({ sample }, { fps, tags, keepPixels }) => ({
    mp4: new TextEncoder().encode(JSON.stringify({ fps, tags })),
    pixels: keepPixels ? new Uint8Array(sample.length).fill(128) : undefined,
  }),
};

function setUp() {
  const model = new FakeModel();
  const link = new FakeLink();
  const clock = new ManualClock();
  const broken: ClusterError[] = [];
  let timesSentAway = 0;
  const worker = new Worker({
    model,
    link,
    clock,
    encoder: plainEncoder,
    log: silentLogger,
    join: () => assert.fail("joined a group"),
    measureLink: () => assert.fail("measured a link"),
    observer: { stepDone: () => {} },
    onBroken: (error) => broken.push(error),
    onLeave: () => {
      timesSentAway += 1;
    },
  });
  const assign = (jobId: string, over = {}): void =>
    worker.handle({ kind: "assign", assignment: assignment(jobId, over) });
  const kinds = (): string[] => link.reports.map(({ kind }) => kind);
  return { worker, model, link, clock, broken, assign, kinds, timesSentAway: () => timesSentAway };
}

function isFailed(report: Report): report is Report & { kind: "failed" } {
  return report.kind === "failed";
}

describe("a worker with an assignment", () => {
  it("reports stages, steps with their seconds, and what it made", async () => {
    const { worker, model, link, clock, assign } = setUp();
    model.warnings.push("the prompt was cut");
    assign("a");
    await link.waitFor("stage_started", "a");
    for (let step = 1; step <= 3; step++) {
      await clock.advance(2000);
      model.step(1);
      await clock.advance(0);
    }
    await worker.idle();
    const id = { jobId: "a", epoch: 1 };
    const [video] = link.stored;
    assert.ok(video);
    const sha256 = createHash("sha256").update(video.data).digest("hex");
    const outcome = {
      artifacts: [{ kind: "video", bytes: video.data.length, sha256, mediaType: "video/mp4" }],
      encodeSeconds: 0,
      denoiseSeconds: 6,
      decodeSeconds: 0,
    };
    const reports = link.reports.map((report) => {
      if (report.kind !== "step_done") return report;
      const { checkpoint, ...rest } = report;
      assert.equal(checkpoint.step, rest.step);
      return rest;
    });
    assert.deepEqual(reports, [
      { kind: "stage_started", ...id, stage: "encode", warnings: [] },
      { kind: "stage_started", ...id, stage: "encode", warnings: ["the prompt was cut"] },
      { kind: "stage_started", ...id, stage: "denoise", warnings: [] },
      { kind: "step_done", ...id, step: 1, seconds: 2 },
      { kind: "step_done", ...id, step: 2, seconds: 2 },
      { kind: "step_done", ...id, step: 3, seconds: 2 },
      { kind: "stage_started", ...id, stage: "decode", warnings: [] },
      { kind: "done", ...id, outcome },
    ]);
  });

  it("stores latents and frames as safetensors when they are asked for, the video last", async () => {
    const { worker, model, link, assign } = setUp();
    model.step(3);
    assign("a", { extraArtifacts: ["frames", "latents"] });
    await worker.idle();
    assert.deepEqual(
      link.stored.map(({ artifact }) => artifact.kind),
      ["latents", "frames", "video"],
    );
    const folder = mkdtempSync(join(tmpdir(), "cogfleet-worker-"));
    try {
      const read = async (index: number) => {
        const file = join(folder, `${index}.safetensors`);
        writeFileSync(file, link.stored[index]?.data ?? "");
        return Object.fromEntries(await readTensors(file, neverAborts));
      };
      const { latents } = await read(0);
      assert.deepEqual(latents, { dtype: "F32", shape: [1, 1, 2, 2], data: new Float32Array(4).fill(0.5) });
      const { frames } = await read(1);
      assert.deepEqual(frames, { dtype: "U8", shape: [1, 16, 16, 3], data: new Uint8Array(768).fill(128) });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("writes prompt and seed into the tags, unless told not to; nothing of the job", async () => {
    const { worker, model, link, assign } = setUp();
    const tagsOf = async (embedMetadata: boolean): Promise<unknown> => {
      model.step(3);
      assign("a", { embedMetadata, args: { ...ARGS, negativePrompt: "dark" } });
      await worker.idle();
      return JSON.parse(new TextDecoder().decode(link.stored.at(-1)?.data)).tags;
    };
    assert.deepEqual(await tagsOf(true), {
      title: "a red ball",
      comment:
        "seed=42, num_inference_steps=3, guidance_scale=6, use_dynamic_cfg=false, scheduler=ddim, model=tiny, negative_prompt=dark",
    });
    assert.deepEqual(await tagsOf(false), {});
  });

  it("hands a failure back with its code, and goes on with the next job", async () => {
    const { worker, model, link, assign } = setUp();
    assign("a");
    await link.waitFor("stage_started", "a");
    model.fail(new ClusterError("numeric_error", "NaN after step 1 of 3"));
    const report = await link.waitFor("failed", "a");
    assert.deepEqual(report, {
      kind: "failed",
      jobId: "a",
      epoch: 1,
      code: "numeric_error",
      message: "NaN after step 1 of 3",
      isRetryable: false,
    });
    await worker.idle();
    assign("b");
    model.step(3);
    await link.waitFor("done", "b");
  });

  it("tells when its compute thread is gone for good", async () => {
    const { worker, model, broken, assign, link } = setUp();
    assign("a");
    model.fail(new ClusterError("worker_lost", "the compute thread ended"));
    await worker.idle();
    assert.equal(broken[0]?.message, "the compute thread ended");
    assert.equal(link.reports.find(isFailed)?.isRetryable, true);
  });
});

describe("a worker that is told to cancel", () => {
  it("stops at the next boundary and confirms it", async () => {
    const { worker, model, link, assign } = setUp();
    assign("a");
    await link.waitFor("stage_started", "a");
    worker.handle({ kind: "cancel", id: { jobId: "a", epoch: 1 } });
    model.step(1);
    await worker.idle();
    assert.equal(link.reports.find(isFailed)?.code, "cancelled");
    assert.deepEqual(link.stored, []);
  });

  it("ignores a cancel of another job or of another epoch", async () => {
    const { worker, model, assign, kinds } = setUp();
    assign("a", { epoch: 2 });
    worker.handle({ kind: "cancel", id: { jobId: "a", epoch: 1 } });
    worker.handle({ kind: "cancel", id: { jobId: "b", epoch: 2 } });
    model.step(3);
    await worker.idle();
    assert.equal(kinds().at(-1), "done");
  });
});

describe("a worker with more than one assignment", () => {
  it("takes the same one only once, and refuses another while it is busy", async () => {
    const { worker, model, link, assign } = setUp();
    assign("a");
    assign("a");
    assign("b");
    assert.deepEqual(link.reports.filter(isFailed), [
      {
        kind: "failed",
        jobId: "b",
        epoch: 1,
        code: "conflict",
        message: "the worker is busy with job a",
        isRetryable: true,
      },
    ]);
    model.step(6);
    await worker.idle();
    assert.deepEqual(model.begun, ["a red ball"]);
  });

  it("begins the next one when one that it abandoned has let go, and says nothing more of that", async () => {
    const { worker, model, link, assign } = setUp();
    assign("a");
    await link.waitFor("stage_started", "a");
    const before = link.reports.length;
    worker.abandon(new ClusterError("lease_lost", "the coordinator could not be reached"));
    assign("b", { args: { ...ARGS, prompt: "b" } });
    assert.deepEqual(model.begun, ["a red ball"]);
    model.step(4);
    await worker.idle();
    assert.deepEqual(model.begun, ["a red ball", "b"]);
    assert.ok(link.reports.slice(before).every((report) => !("jobId" in report) || report.jobId === "b"));
    assert.equal(link.reports.at(-1)?.kind, "done");
  });

  it("hands back what makes no sense", () => {
    const { worker, link } = setUp();
    worker.handle({ kind: "refuse", id: { jobId: "a", epoch: 3 }, reason: "model x is not tiny" });
    const [report] = link.reports.filter(isFailed);
    assert.deepEqual(
      [report?.code, report?.message, report?.epoch],
      ["invalid_request", "model x is not tiny", 3],
    );
  });
});

describe("a worker that drains", () => {
  it("finishes the step, hands the job back for another worker, and takes nothing new", async () => {
    const { worker, model, link, clock, assign, broken } = setUp();
    assign("a");
    await clock.advance(0); // up to its first step
    worker.drain();
    worker.drain();
    assert.ok(worker.isBusy);
    model.step(1);
    await worker.idle();
    assert.deepEqual(
      link.reports.map(({ kind }) => kind),
      ["stage_started", "stage_started", "draining", "step_done", "failed"],
    );
    const failed = link.reports.find(isFailed);
    assert.deepEqual([failed?.code, failed?.isRetryable], ["worker_lost", true]);
    assert.deepEqual(broken, []);
    assign("b");
    assert.equal(link.reports.filter(isFailed).at(-1)?.jobId, "b");
  });

  it("does so when the coordinator asks, and gives back at once when its time is up", async () => {
    const { worker, model, link, assign, kinds, timesSentAway } = setUp();
    assign("a");
    await link.waitFor("stage_started", "a");
    worker.handle({ kind: "drain" });
    assert.equal(timesSentAway(), 1);
    worker.giveBack();
    model.step(1);
    await worker.idle();
    assert.deepEqual(kinds().slice(-2), ["draining", "failed"]);
    assert.ok(!kinds().includes("step_done"));
  });
});

describe("a worker whose job the coordinator wants back", () => {
  it("finishes the step, hands the job back, and takes another", async () => {
    const { worker, model, link, clock, assign, kinds } = setUp();
    assign("a");
    await clock.advance(0); // up to its first step
    worker.handle({ kind: "yield", id: { jobId: "a", epoch: 99 } });
    worker.handle({ kind: "yield", id: { jobId: "a", epoch: 1 } });
    model.step(1);
    await worker.idle();
    assert.deepEqual(kinds(), ["stage_started", "stage_started", "step_done", "failed"]);
    assert.equal(link.reports.find(isFailed)?.code, "cancelled");
    assign("b");
    assert.ok(worker.isBusy);
  });
});
