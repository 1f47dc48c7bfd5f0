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
import type { RawFlags } from "./flags.js";
import { fitToFleet, generate } from "./generate.js";
import { readGenerateFlags } from "./generate-flags.js";
import { claimOutputFile } from "./output-file.js";
import { queuedJob } from "./testing/sample-job.js";
import { humanReporter, jsonReporter } from "./view/job-reporter.js";

const folder = mkdtempSync(join(tmpdir(), "cogfleet-generate-"));
after(() => rmSync(folder, { recursive: true }));

const video = Buffer.from("not really a video");
const sha256 = createHash("sha256").update(video).digest("hex");
const completed: Job = {
  ...queuedJob,
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
    submit: async () => queuedJob,
    get: async () => ended,
    async *watch(jobId, _, signal) {
      const base: JobEvent = { ...queuedJob, sequence: 1, jobId, seconds: 0, message: "", parts: [] };
      yield base;
      yield { ...base, sequence: 2, state: "running", stage: "denoise", step: 1, seconds: 0.1 };
      if (hangs)
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      yield { ...base, sequence: 3, state: ended.state, error: ended.error };
    },
    cancel: async (id) => {
      cancelled.push(id);
      return { ...queuedJob, state: "cancelled" };
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

async function run(client: GenerationClient, signal: AbortSignal, flags: RawFlags = { json: true }) {
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
  const request = readGenerateFlags({ prompt: "x", ...flags }, {});
  const file = await claimOutputFile("output", path, countingRandom());
  const reporter = (request.isJson ? jsonReporter : humanReporter)(context.terminal, context.clock);
  const outputs = [{ kind: "video", flag: "output", path, file }] as const;
  const work = generate(client, { request, outputs, reporter }, context, signal);
  return { work, out, err, path, clock: context.clock };
}

describe("generate", () => {
  it("writes the video and ends its JSON with the result", async () => {
    const { work, out, path } = await run(fakeClient(completed), neverAborts);
    assert.equal(await work, 0);
    assert.deepEqual(readFileSync(path), video);
    const result = JSON.parse(out.at(-1) ?? "");
    assert.deepEqual(
      [
        result.event,
        result.state,
        result.output,
        result.bytes,
        result.sha256,
        result.seed,
        result.approximate,
      ],
      ["result", "completed", path, video.length, sha256, 7, false],
    );
  });

  it("writes the video of a coordinator that is started again when the job has just ended", async () => {
    let asked = 0;
    const client = {
      ...fakeClient(completed),
      async get(): Promise<Job> {
        asked += 1;
        if (asked === 1) throw new ClusterError("peer_lost", "cannot reach the coordinator");
        return completed;
      },
    };
    const { work, path, clock } = await run(client, neverAborts);
    await clock.advance(1000);
    assert.equal(await work, 0);
    assert.deepEqual(readFileSync(path), video);
  });

  it("exits 1 with the job's reason when it fails, and writes nothing", async () => {
    rmSync(join(folder, "video.mp4"), { force: true });
    const error = { code: "numeric_error", message: "step 3 gave NaN" };
    const { work, out, err, path } = await run(
      fakeClient({ ...queuedJob, state: "failed", error }),
      neverAborts,
    );
    assert.equal(await work, 1);
    assert.deepEqual(err, ["cogfleet: job job-1 failed: step 3 gave NaN"]);
    assert.deepEqual(JSON.parse(out.at(-1) ?? "").error, error);
    assert.throws(() => readFileSync(path), /ENOENT/);
  });

  it("submits and leaves with --detach: the id on stdout, how to go on on stderr", async () => {
    const { work, out, err } = await run(fakeClient(completed, true), neverAborts, { detach: true });
    assert.equal(await work, 0);
    assert.deepEqual(out, ["job-1"]);
    assert.deepEqual(err, [
      "job job-1 is queued",
      "follow it with: cogfleet jobs watch job-1",
      "fetch its video with: cogfleet jobs download job-1",
    ]);
    const elsewhere = await run(fakeClient(completed, true), neverAborts, {
      detach: true,
      endpoint: "a:1,b:2",
    });
    assert.equal(await elsewhere.work, 0);
    assert.deepEqual(elsewhere.err.slice(1), [
      "follow it with: cogfleet jobs watch job-1 --endpoint a:1,b:2",
      "fetch its video with: cogfleet jobs download job-1 --endpoint a:1,b:2",
    ]);
    const json = await run(fakeClient(completed, true), neverAborts, { detach: true, json: true });
    assert.equal(await json.work, 0);
    const [line = "", ...rest] = json.out;
    const { event, job_id: id } = JSON.parse(line);
    assert.deepEqual([event, id, rest, json.err], ["submitted", "job-1", [], []]);
  });

  it("fits degrees to workers that will not become more, and says so", () => {
    const notices: string[] = [];
    const reporter = { notice: (text: string) => void notices.push(text) };
    const fitted = (workers: number, parallel?: string) => {
      const { submission } = readGenerateFlags({ prompt: "x", ...(parallel && { parallel }) }, {});
      return fitToFleet(submission, workers, reporter).parallel;
    };
    assert.deepEqual(
      [fitted(4, "cfg=2,context=2"), fitted(1, "auto"), fitted(1)],
      ["cfg=2,context=2", "auto", undefined],
    );
    assert.deepEqual(notices, []);
    assert.equal(fitted(3, "cfg=2,context=2"), "cfg=2,context=1");
    assert.deepEqual(notices, [
      "--parallel cfg=2,context=2 takes 4 workers, --workers starts 3: computing with cfg=2,context=1",
    ]);
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

  it("cancels a job that is submitted while the user stops it, detached or not", async () => {
    for (const flags of [{ json: true }, { detach: true }]) {
      const stop = new AbortController();
      const client = {
        ...fakeClient(completed, true),
        submit: (_: unknown, signal: AbortSignal) => {
          stop.abort(interruptedBy("SIGINT"));
          // The coordinator has it, and answers.
          return new Promise<Job>((resolve, reject) => {
            signal.addEventListener("abort", () => reject(signal.reason));
            setImmediate(() => (signal.aborted ? reject(signal.reason) : resolve(queuedJob)));
          });
        },
      };
      const { work } = await run(client, stop.signal, flags);
      await assert.rejects(
        work,
        (reason) => reason instanceof ClusterError && reason.details["signal"] === "SIGINT",
      );
      assert.deepEqual(client.cancelled, ["job-1"]);
    }
  });

  it("does not wait for ever for the answer to a submission that the user stops", async () => {
    const stop = new AbortController();
    const client = {
      ...fakeClient(completed),
      submit: (_: unknown, signal: AbortSignal) =>
        new Promise<Job>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    };
    const { work, clock, err } = await run(client, stop.signal, {});
    stop.abort(interruptedBy("SIGINT"));
    await Promise.all([assert.rejects(work, { code: "cancelled" }), clock.advance(5_000)]);
    assert.match(err.join("\n"), /see whether there is a job with: cogfleet jobs list/);
  });

  it("refuses a video that is not what the job says it is", async () => {
    const [artifact] = completed.artifacts;
    assert.ok(artifact);
    const wrong = { ...completed, artifacts: [{ ...artifact, sha256: "00" }] };
    const { work } = await run(fakeClient(wrong), neverAborts);
    await assert.rejects(work, { code: "data_loss" });
  });
});
