import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StoredTensor } from "@cogfleet/model";
import { claim, compareTensor, compareValues, numbersOf } from "./compare.js";
import { compareFrames } from "./compare-frames.js";

const floats = (shape: readonly number[], ...values: number[]): StoredTensor => ({
  dtype: "F32",
  shape,
  data: Float32Array.from(values),
});

describe("compareValues", () => {
  it("measures the largest and the relative difference", () => {
    assert.deepEqual(compareValues("x", [3, 4.5], [3, 4], { atol: 0.5 }), {
      name: "x",
      rel_l2: 0.1,
      max_abs: 0.5,
      atol: 0.5,
      ok: true,
    });
    assert.equal(compareValues("x", [3, 4.5], [3, 4], { atol: 0.4 }).ok, false);
  });

  it("allows more for larger values where the tolerance says so", () => {
    assert.equal(compareValues("x", [101], [100], { atol: 0, rtol: 0.01 }).ok, true);
    assert.equal(compareValues("x", [1.02], [1], { atol: 0, rtol: 0.01 }).ok, false);
  });

  it("goes by the norms where the tolerance says so", () => {
    const within = compareValues("x", [3, 4.5], [3, 4], { atol: 0.1, relL2: 0.11 });
    assert.deepEqual(within, {
      name: "x",
      rel_l2: 0.1,
      max_abs: 0.5,
      atol: 0.1,
      rel_l2_allowed: 0.11,
      ok: true,
    });
    assert.equal(compareValues("x", [3, 4.5], [3, 4], { atol: 9, relL2: 0.09 }).ok, false);
    assert.equal(compareValues("x", [Number.NaN, 4], [3, 4], { atol: 9, relL2: 9 }).ok, false);
  });

  it("fails on a value that is not finite, on either side, even if both are the same", () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY])
      for (const [a, b] of [
        [bad, 1],
        [1, bad],
        [bad, bad],
      ] as const) {
        const check = compareValues("x", [a], [b], { atol: 1e9 });
        assert.equal(check.ok, false);
        assert.match(check.problem ?? "", /value 0 is/);
      }
  });

  it("fails on another number of values", () => {
    assert.match(compareValues("x", [1], [1, 2], { atol: 1 }).problem ?? "", /1 values, expected 2/);
  });
});

describe("compareTensor", () => {
  it("fails on another shape of as many values", () => {
    const check = compareTensor("x", { dims: [2, 1], data: [1, 2] }, floats([1, 2], 1, 2), { atol: 1 });
    assert.match(check.problem ?? "", /\[2, 1\], expected \[1, 2\]/);
    assert.equal(check.ok, false);
  });

  it("reads every type that has numbers", () => {
    assert.deepEqual(
      [...Array.from(numbersOf({ dtype: "I64", shape: [1], data: BigInt64Array.of(-1n) }))],
      [-1],
    );
    assert.deepEqual(
      [...Array.from(numbersOf({ dtype: "F16", shape: [1], data: Uint16Array.of(0x3c00) }))],
      [1],
    );
    assert.deepEqual([...Array.from(numbersOf({ dtype: "U8", shape: [1], data: Uint8Array.of(7) }))], [7]);
  });
});

describe("compareFrames", () => {
  const expected: StoredTensor = { dtype: "U8", shape: [2], data: Uint8Array.of(10, 20) };
  const compare = (levels: readonly number[], wanted: readonly number[]) =>
    compareFrames("x", { dims: [2], data: Uint8Array.from(levels) }, expected, wanted, 1e-4);

  it("allows one level where the float lies at the boundary between the two", () => {
    assert.equal(compare([11, 20], [10.5 / 255 + 5e-5, 20 / 255]).ok, true);
    assert.equal(compare([9, 20], [9.5 / 255, 20 / 255]).ok, true);
  });

  it("allows it nowhere else, and never more than one level", () => {
    assert.match(compare([11, 20], [10.4 / 255, 20 / 255]).problem ?? "", /not a matter of rounding/);
    assert.equal(compare([9, 20], [10.5 / 255, 20 / 255]).ok, false);
    assert.equal(compare([12, 20], [10.5 / 255, 20 / 255]).ok, false);
  });
});

describe("claim", () => {
  it("holds or says why not", () => {
    assert.equal(claim("x", true, "no").ok, true);
    assert.deepEqual([claim("x", false, "no").ok, claim("x", false, "no").problem], [false, "no"]);
  });
});
