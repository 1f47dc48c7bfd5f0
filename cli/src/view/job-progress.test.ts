import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { JobEvent, RankPart } from "../client/generation.js";
import { decodeText, duration, JobProgress, partsText } from "./job-progress.js";

function event(fields: Partial<JobEvent>): JobEvent {
  return {
    sequence: 1,
    jobId: "j",
    state: "running",
    stage: undefined,
    step: 0,
    steps: 4,
    seconds: 0,
    message: "",
    error: undefined,
    workerIds: ["w"],
    waitReason: "",
    parts: [],
    ...fields,
  };
}

const PART: Omit<RankPart, "workerId"> = {
  ...{ half: 0, halves: 1, rows: undefined, chunks: undefined, tiles: [] },
};

describe("a job's progress", () => {
  it("says who computes what, from the start of an attempt on, and goes on from its checkpoint", () => {
    const parts = [
      { ...PART, workerId: "w1", rows: { start: 0, count: 57 }, chunks: { start: 0, count: 2 } },
      { ...PART, workerId: "w2", rows: { start: 57, count: 57 }, chunks: { start: 2, count: 1 } },
    ];
    const progress = new JobProgress();
    progress.next(event({ stage: "denoise", step: 2 }), 0);
    progress.next(event({ state: "queued", message: "worker w3 left" }), 0);
    const updates = [
      event({ step: 2, parts }),
      event({ stage: "denoise", step: 2 }),
      event({ stage: "denoise", step: 3, seconds: 1 }),
    ].flatMap((item) => progress.next(item, 0));
    assert.deepEqual(updates, [
      { kind: "assigned", parts },
      { kind: "stage", stage: "denoise", workerIds: ["w"], parts },
      { kind: "step", step: 3, steps: 4, secondsPerStep: 1, secondsLeft: 1, parts },
    ]);
    assert.equal(partsText(parts), "w1 (rows 0-56), w2 (rows 57-113)");
    assert.equal(partsText(parts.slice(1)), "");
    const halves = [0, 1].map((half) => ({
      ...PART,
      workerId: `w${half}`,
      half,
      halves: 2,
      rows: { start: 0, count: 9 },
    }));
    assert.equal(partsText(halves), "w0 (rows 0-8, half 0), w1 (rows 0-8, half 1)");
    assert.equal(partsText([...halves, ...halves, ...halves]), "6 workers");
  });

  it("says who decodes what", () => {
    const chunks = (workerId: string, start: number, count: number): RankPart => ({
      ...{ ...PART, workerId, chunks: { start, count } },
    });
    const parts = [chunks("w1", 0, 2), chunks("w2", 2, 1)];
    const progress = new JobProgress();
    progress.next(event({ parts }), 0);
    assert.deepEqual(progress.next(event({ stage: "decode" }), 0), [
      { kind: "stage", stage: "decode", workerIds: ["w"], parts },
    ]);
    assert.equal(decodeText(parts), "w1 (chunks 0-1), w2 (chunk 2)");
    assert.equal(decodeText([...parts, chunks("w3", 3, 0)]), "w1 (chunks 0-1), w2 (chunk 2)");
    const idle = { ...PART, workerId: "w2" };
    assert.equal(decodeText([chunks("w1", 0, 3), idle]), "w1");
    const tiles = (workerId: string, ...numbers: number[]) => ({ ...PART, workerId, tiles: numbers });
    assert.equal(decodeText([tiles("w1", 0, 1, 2, 5), tiles("w2", 3)]), "w1 (tiles 0-2, 5), w2 (tile 3)");
    assert.equal(decodeText([...parts, ...parts, ...parts]), "6 workers");
    assert.equal(decodeText([chunks("w1", 0, 3)]), "", "nobody else could");
    assert.equal(decodeText([idle, idle]), "", "the coordinator does not say");
  });

  it("is told as queue, stages and steps with pace and time left", () => {
    const progress = new JobProgress();
    const updates = [
      event({ state: "queued", workerIds: [] }),
      event({}),
      event({ stage: "encode" }),
      event({ stage: "denoise" }),
      event({ stage: "denoise", step: 1, seconds: 2 }),
      event({ stage: "denoise", step: 2, seconds: 4 }),
      event({ stage: "decode", step: 4 }),
      event({ state: "completed", stage: "decode", step: 4 }),
    ].flatMap((item) => progress.next(item, 0));
    assert.deepEqual(updates, [
      { kind: "queued", reason: "", waitReason: "" },
      { kind: "stage", stage: "encode", workerIds: ["w"], parts: [] },
      { kind: "stage", stage: "denoise", workerIds: ["w"], parts: [] },
      { kind: "step", step: 1, steps: 4, secondsPerStep: 2, secondsLeft: 6, parts: [] },
      { kind: "step", step: 2, steps: 4, secondsPerStep: 3, secondsLeft: 6, parts: [] },
      { kind: "stage", stage: "decode", workerIds: ["w"], parts: [] },
      { kind: "ended" },
    ]);
  });

  it("measures steps itself where the worker does not say", () => {
    const progress = new JobProgress();
    progress.next(event({ stage: "denoise" }), 1000);
    const [update] = progress.next(event({ stage: "denoise", step: 2 }), 4000);
    assert.deepEqual(update, {
      kind: "step",
      step: 2,
      steps: 4,
      secondsPerStep: 1.5,
      secondsLeft: 3,
      parts: [],
    });
  });

  it("starts over when the job goes back to the queue", () => {
    const progress = new JobProgress();
    progress.next(event({ stage: "denoise", step: 3, seconds: 1 }), 0);
    assert.deepEqual(progress.next(event({ state: "queued", message: "queued again: worker w left" }), 0), [
      { kind: "queued", reason: "queued again: worker w left", waitReason: "" },
    ]);
    const kinds = progress.next(event({ stage: "denoise", step: 1, seconds: 1 }), 0).map(({ kind }) => kind);
    assert.deepEqual(kinds, ["stage", "step"]);
  });

  it("passes warnings on", () => {
    const updates = new JobProgress().next(event({ stage: "encode", message: "the prompt was cut" }), 0);
    assert.deepEqual(updates.at(-1), { kind: "warning", text: "the prompt was cut" });
  });
});

describe("a duration", () => {
  it("is as short as it stays useful", () => {
    const shown = [0, 0.4, 3.14, 9.96, 48.4, 59.7, 125, 3599.6, 4320].map(duration);
    assert.deepEqual(shown, [
      "0.00 s",
      "0.40 s",
      "3.1 s",
      "10 s",
      "48 s",
      "1 min 00 s",
      "2 min 05 s",
      "1 h 00 min",
      "1 h 12 min",
    ]);
  });
});
