import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { countingRandom, ManualClock } from "@cogfleet/core/testing";
import type { GenerationClient, Job, JobEvent } from "./client/generation.js";
import { interruptedBy } from "./exit-code.js";
import { generate } from "./generate.js";
import { readGenerateFlags } from "./generate-flags.js";
import { claimOutputFile } from "./output-file.js";
import { jsonReporter } from "./view/job-reporter.js";

const folder = mkdtempSync(join(tmpdir(), "cogfleet-generate-"));
after(() => rmSync(folder, { recursive: true }));

const video = Buffer.from("not really a video");
const queued: Job = {
  id: "job-1",
  state: "queued",
  request: { prompt: "x", seed: 7 },
  createTime: undefined,
  startTime: undefined,
  finishTime: undefined,
  stage: undefined,
  step: 0,
  steps: 2,
  error: undefined,
  artifacts: [],
  warnings: [],
  workerIds: [],
  plan: undefined,
  checkpointStep: 0,
  attempts: 0,
  runSeconds: 0,
  approximate: false,
  queuePosition: 0,
};
const sha256 = createHash("sha256").update(video).digest("hex");
const completed: Job = {
  ...queued,
  state: "completed",
  artifacts: [{ kind: "video", bytes: video.length, sha256, mediaType: "video/mp4" }],
};

/** A coordinator with one job that ends as `ended`; with `hangs`, its watch never does. */
function fakeClient(ended: Job, hangs = false): GenerationClient & { readonly cancelled: string[] } {
  const cancelled: string[] = [];
  const unused = (): never => {
    throw new Error("not part of this test");
  };
  return {
    cancelled,
    submit: async () => queued,
    get: async () => ended,
    async *watch(jobId, _, signal) {
      const base: JobEvent = { ...queued, sequence: 1, jobId, seconds: 0, message: "", parts: [] };
      yield base;
      yield { ...base, sequence: 2, state: "running", stage: "denoise", step: 1, seconds: 0.1 };
      if (hangs)
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      yield { ...base, sequence: 3, state: ended.state, error: ended.error };
    },
    cancel: async (id) => {
      cancelled.push(id);
      return { ...queued, state: "cancelled" };
    },
    async *download() {
      yield { data: video, offset: 0, totalBytes: video.length };
    },
    list: unused,
    workers: unused,
    drain: unused,
    models: unused,
    close: unused,
  };
}

async function run(client: GenerationClient, signal: AbortSignal) {
  const out: string[] = [];
  const err: string[] = [];
  const path = join(folder, "video.mp4");
  const context = {
    terminal: {
      out: (line: string) => void out.push(line),
      err: (line: string) => void err.push(line),
      bar: undefined,
    },
    clock: new ManualClock(),
  };
  const request = readGenerateFlags({ prompt: "x", json: true, output: path }, {});
  const file = await claimOutputFile("output", path, countingRandom());
  const reporter = jsonReporter(context.terminal, context.clock);
  const outputs = [{ kind: "video", flag: "output", path, file }] as const;
  const work = generate(client, { request, outputs, reporter }, context, signal);
  return { work, out, err, path };
}

describe("generate", () => {
  it("writes the video and ends its JSON with the result", async () => {
    const { work, out, path } = await run(fakeClient(completed), neverAborts);
    assert.equal(await work, 0);
    assert.deepEqual(readFileSync(path), video);
    const result = JSON.parse(out.at(-1) ?? "");
    assert.deepEqual(
      [result.event, result.state, result.output, result.bytes, result.sha256, result.seed],
      ["result", "completed", path, video.length, sha256, 7],
    );
  });

  it("exits 1 with the job's reason when it fails, and writes nothing", async () => {
    rmSync(join(folder, "video.mp4"), { force: true });
    const error = { code: "numeric_error", message: "step 3 gave NaN" };
    const { work, out, err, path } = await run(
      fakeClient({ ...queued, state: "failed", error }),
      neverAborts,
    );
    assert.equal(await work, 1);
    assert.deepEqual(err, ["cogfleet: job job-1 failed: step 3 gave NaN"]);
    assert.deepEqual(JSON.parse(out.at(-1) ?? "").error, error);
    assert.throws(() => readFileSync(path), /ENOENT/);
  });

  it("cancels the job when the user stops it", async () => {
    const client = fakeClient(completed, true);
    const stop = new AbortController();
    const { work } = await run(client, stop.signal);
    setImmediate(() => stop.abort(interruptedBy("SIGINT")));
    await assert.rejects(
      work,
      (reason) => reason instanceof ClusterError && reason.details["signal"] === "SIGINT",
    );
    assert.deepEqual(client.cancelled, ["job-1"]);
  });

  it("refuses a video that is not what the job says it is", async () => {
    const [artifact] = completed.artifacts;
    assert.ok(artifact);
    const wrong = { ...completed, artifacts: [{ ...artifact, sha256: "00" }] };
    const { work } = await run(fakeClient(wrong), neverAborts);
    await assert.rejects(work, { code: "data_loss" });
  });
});
