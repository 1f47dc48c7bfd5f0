import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Job, JobPlan } from "../client/generation.js";
import { queuedJob } from "../testing/sample-job.js";
import { jobDetails, jobsTable } from "./job-view.js";

const queued: Job = {
  ...queuedJob,
  request: { prompt: "a red circle", model: "demo" },
  createTime: "2026-01-01T00:00:00.000Z",
  steps: 3,
  queuePosition: 2,
};

describe("a queued job", () => {
  it("is shown with the jobs ahead of it", () => {
    const [, line] = jobsTable([queued], Date.parse("2026-01-01T00:00:05Z"));
    assert.match(line ?? "", /^job-1 +queued +2 ahead +5\.0 s +demo +a red circle$/);
  });

  it("is shown with what it waits for", () => {
    const job: Job = {
      ...queued,
      queuePosition: 0,
      waitReason: "waits for a worker of demo: none is connected",
    };
    const expected = /0 ahead, waits for a worker of demo: none is connected/;
    assert.match(jobsTable([job], 0).join("\n"), expected);
    assert.match(jobDetails(job).join("\n"), expected);
  });
});

describe("a job with a plan", () => {
  it("is shown with who decodes what", () => {
    const plan: JobPlan = {
      ...{ cfg: 1, context: 2, rates: [1, 1], activations: undefined },
      ...{ vae: "temporal", tiles: undefined },
      chunks: [
        { start: 0, count: 2 },
        { start: 2, count: 0 },
      ],
    };
    const shown = (over: Partial<JobPlan>): string =>
      jobDetails({ ...queued, workerIds: ["w1", "w2"], plan: { ...plan, ...over } }).join("\n");
    assert.match(shown({}), /VAE temporal: w1 chunks 0-1; w2 no chunks$/m);
    const tiled = { vae: "tiles", chunks: undefined, tiles: [[0, 2], [1]] };
    assert.match(shown(tiled), /VAE tiles: w1 tiles 0, 2; w2 tile 1$/m);
    assert.match(shown({ vae: "serial", chunks: undefined }), /VAE serial$/m);
  });
});
