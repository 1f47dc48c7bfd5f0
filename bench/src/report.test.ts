import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type BenchResult, isOk, jsonLine, spread, textLines } from "./report.js";

const result: BenchResult = {
  bench: "denoise-step",
  ...spread([1.2, 1.0, 1.1]),
  goal: 1.15,
  better: "lower",
  what: "ours / theirs",
  figures: { threads: 1 },
};

describe("a benchmark's report", () => {
  it("takes the median of the repeats, with the least and the greatest", () => {
    assert.deepEqual(spread([1.2, 1.0, 1.1]), { ratio: 1.1, min: 1.0, max: 1.2 });
    assert.equal(spread([2, 1]).ratio, 1.5);
  });

  it("is ok on the right side of its goal, and not without a number", () => {
    assert.equal(isOk(result), true);
    assert.equal(isOk({ ...result, ratio: 1.16 }), false);
    assert.equal(isOk({ ...result, ratio: 1.16, better: "higher" }), true);
    assert.equal(isOk({ ...result, ratio: Number.NaN }), false);
    assert.equal(isOk({ ...result, ratio: Number.NaN, goal: null }), false);
    assert.equal(isOk({ ...result, ratio: 9, goal: null }), true);
  });

  it("is one line of JSON, or a few for people", () => {
    const line: unknown = JSON.parse(jsonLine(result));
    assert.deepEqual(line, {
      bench: "denoise-step",
      ratio: 1.1,
      min: 1,
      max: 1.2,
      goal: 1.15,
      better: "lower",
      what: "ours / theirs",
      ok: true,
      threads: 1,
    });
    assert.match(textLines(result), /^denoise-step +1\.100 {2}\(1\.000 to 1\.200, goal <= 1\.15\) {2}ok\n/);
  });
});
