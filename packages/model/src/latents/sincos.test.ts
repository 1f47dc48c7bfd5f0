import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sincosTables, timestepSinusoid } from "./sincos.js";

describe("sincos positions", () => {
  it("hold sines, then cosines, of positions divided by their scale", () => {
    const tables = sincosTables({ frames: 2, rows: 1, columns: 3 }, 16, { spatial: 2, temporal: 1 });
    assert.deepEqual(
      tables.frames,
      Float32Array.of(0, 0, 1, 1, Math.sin(1), Math.sin(0.01), Math.cos(1), Math.cos(0.01)),
    );
    assert.equal(tables.rows.length, 6);
    assert.equal(tables.columns[2 * 6], Math.fround(Math.sin(1))); // column 2, halved
  });
});

describe("the sinusoid of a timestep", () => {
  const options = { flipSinToCos: true, freqShift: 0 };

  it("holds cosines first when flipped, and sines first when not", () => {
    const values = [Math.sin(3), Math.sin(0.03), Math.cos(3), Math.cos(0.03)].map(Math.fround);
    const unflipped = timestepSinusoid([3], 4, { ...options, flipSinToCos: false });
    for (const [i, value] of values.entries()) assert.ok(Math.abs((unflipped[i] as number) - value) < 1e-7);
    const flipped = timestepSinusoid([3], 4, options);
    assert.deepEqual([...flipped], [...unflipped.subarray(2), ...unflipped.subarray(0, 2)]);
  });

  it("has a row for each timestep, -1 too, and a zero at the end of an odd width", () => {
    const rows = timestepSinusoid([-1, 999], 5, options);
    assert.equal(rows.length, 10);
    assert.equal(rows[2], Math.fround(Math.sin(-1)));
    assert.equal(rows[4], 0);
    assert.equal(rows[5], Math.fround(Math.cos(999)));
  });
});
