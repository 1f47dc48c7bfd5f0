import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import { ManualClock } from "@cogfleet/core/testing";
import type { JobEvent } from "../client/generation.js";
import { humanReporter, jsonReporter } from "./job-reporter.js";

const base: JobEvent = {
  sequence: 1,
  jobId: "job-1",
  state: "running",
  stage: undefined,
  step: 0,
  steps: 3,
  seconds: 0,
  message: "",
  error: undefined,
  workerIds: ["w"],
  waitReason: "",
  parts: [],
};

const history: readonly JobEvent[] = [
  { ...base, state: "queued" },
  { ...base, sequence: 2, stage: "encode", message: "the prompt was cut" },
  { ...base, sequence: 3, stage: "denoise" },
  { ...base, sequence: 4, stage: "denoise", step: 1, seconds: 0.5 },
  { ...base, sequence: 5, stage: "denoise", step: 2, seconds: 0.5 },
  { ...base, sequence: 6, stage: "denoise", step: 3, seconds: 0.5 },
  { ...base, sequence: 7, stage: "decode", step: 3 },
  { ...base, sequence: 8, state: "completed", stage: "decode", step: 3 },
];

function terminal(bar?: PassThrough) {
  const out: string[] = [];
  const err: string[] = [];
  return {
    out,
    err,
    bar,
    terminal: { out: (s: string) => void out.push(s), err: (s: string) => void err.push(s), bar },
  };
}

describe("JSON events", () => {
  it("are one object a line, with monotonic seconds and the job", async () => {
    const { terminal: io, out, err } = terminal();
    const clock = new ManualClock();
    await clock.advance(1234.5678);
    const reporter = jsonReporter(io, clock);
    for (const event of history) reporter.event(event);
    reporter.notice("lost the coordinator");
    const events = out.map((line) => JSON.parse(line));
    assert.deepEqual(
      events.map(({ event }) => event),
      ["queued", "stage", "warning", "stage", "step", "step", "step", "stage", "notice"],
    );
    assert.deepEqual(events[4], {
      event: "step",
      time_s: 1.234568,
      job_id: "job-1",
      stage: "denoise",
      step: 1,
      steps: 3,
      seconds: 0.5,
      sequence: 4,
    });
    assert.deepEqual(err, []);
  });

  it("say what each rank computes and decodes", () => {
    const { terminal: io, out } = terminal();
    const reporter = jsonReporter(io, new ManualClock());
    const part = { half: 0, halves: 1 };
    const parts = [
      { ...part, workerId: "w1", rows: { start: 0, count: 9 }, chunks: { start: 0, count: 2 }, tiles: [] },
      { ...part, workerId: "w2", rows: { start: 9, count: 8 }, chunks: undefined, tiles: [1, 3] },
    ];
    reporter.event({ ...base, parts });
    assert.deepEqual(JSON.parse(out[0] ?? "").ranks, [
      { rank: 0, worker_id: "w1", ...part, first_row: 0, rows: 9, first_chunk: 0, chunks: 2 },
      { rank: 1, worker_id: "w2", ...part, first_row: 9, rows: 8, tiles: [1, 3] },
    ]);
  });
});

describe("progress for people", () => {
  it("is plain lines where there is no terminal, steps at most once a second, the last one always", () => {
    const { terminal: io, out, err } = terminal();
    const reporter = humanReporter(io, new ManualClock());
    for (const event of history) reporter.event(event);
    reporter.close();
    assert.deepEqual(out, []);
    assert.deepEqual(err, [
      "queued",
      "encode: reading the prompt (w)",
      "warning: the prompt was cut",
      "denoise",
      "step 1/3, 0.50 s a step, 1.0 s left",
      "step 3/3, 0.50 s a step, 0.00 s left",
      "decode: latents to video",
    ]);
  });

  it("names the workers that decode", () => {
    const { terminal: io, err } = terminal();
    const reporter = humanReporter(io, new ManualClock());
    const parts = ["w1", "w2"].map((workerId, rank) => ({
      ...{ workerId, half: 0, halves: 1, rows: undefined, tiles: [] },
      chunks: { start: 2 * rank, count: 2 },
    }));
    reporter.event({ ...base, parts });
    reporter.event({ ...base, stage: "decode", step: 3 });
    assert.equal(err.at(-1), "decode: latents to video on w1 (chunks 0-1), w2 (chunks 2-3)");
  });

  it("names the one of several workers that reads the prompt", () => {
    const { terminal: io, err } = terminal();
    const reporter = humanReporter(io, new ManualClock());
    reporter.event({ ...base, state: "running", stage: "encode", workerIds: ["w1", "w2"] });
    assert.deepEqual(err, ["encode: reading the prompt (w1)"]);
  });

  it("says what a queued job waits for", () => {
    const { terminal: io, err } = terminal();
    const reporter = humanReporter(io, new ManualClock());
    const waitReason = "waits for 4 workers of demo: 2 are connected";
    reporter.event({ ...base, state: "queued", waitReason });
    reporter.event({ ...base, state: "queued", message: "worker w1 was lost", waitReason });
    assert.deepEqual(err, [`queued, ${waitReason}`, `worker w1 was lost, ${waitReason}`]);
  });

  it("draws a bar on a terminal", () => {
    const stream = new PassThrough();
    const { terminal: io } = terminal(Object.assign(stream, { isTTY: true, columns: 100 }));
    const reporter = humanReporter(io, new ManualClock());
    for (const event of history) reporter.event(event);
    reporter.close();
    const text = String(stream.read());
    assert.match(text, /encode: reading the prompt/);
    assert.match(text, /step 1\/3 █+░+ 0\.50 s a step, 1\.0 s left/);
    assert.match(text, /decode: latents to video/);
  });
});
