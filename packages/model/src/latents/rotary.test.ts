import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { linspacePositions, rotaryRows, slicePositions } from "./rotary.js";

const base = { rows: 30, columns: 45 };

describe("rotary positions", () => {
  it("are plain integers at the size that the model was trained on", () => {
    const { frames, rows, columns } = linspacePositions({ frames: 13, ...base }, base);
    assert.deepEqual([...frames], [...Array(13).keys()]);
    assert.deepEqual([...rows], [...Array(30).keys()]);
    assert.deepEqual([...columns], [...Array(45).keys()]);
  });

  it("centre a wide grid, with a half rounded to the even row", () => {
    // 45 / 20 * 12 = 27 rows, so 1.5 above, which is 2.
    const { rows } = linspacePositions({ frames: 1, rows: 12, columns: 20 }, base);
    assert.equal(rows[0], 2);
    assert.equal(rows.at(-1), Math.fround(2 + (27 * 11) / 12 - 2 * (1 / 12)));
  });

  it("stand still at one token an axis", () => {
    const { frames, rows, columns } = linspacePositions({ frames: 1, rows: 1, columns: 1 }, base);
    assert.deepEqual([...frames, ...rows, ...columns], [0, 0, 8]); // the square crop of 30 columns starts at 7.5
  });

  it("leave text rows as they are, and are the same rows when asked for a range", () => {
    const positions = slicePositions({ frames: 2, rows: 2, columns: 3 });
    const whole = rotaryRows(positions, 16, 4);
    assert.equal(whole.cos.length, 16 * 8);
    assert.ok(whole.cos.subarray(0, 32).every((value) => value === 1));
    assert.ok(whole.sin.subarray(0, 32).every((value) => value === 0));
    const part = rotaryRows(positions, 16, 4, { from: 3, to: 9 });
    assert.deepEqual(part.cos, whole.cos.slice(3 * 8, 9 * 8));
    assert.deepEqual(part.sin, whole.sin.slice(3 * 8, 9 * 8));
  });

  it("turn each axis by its own share of a head", () => {
    // The last token stands at frame 1, row 1, column 2; head_dim 16 has 2 + 3 + 3 pairs.
    const { sin } = rotaryRows(slicePositions({ frames: 2, rows: 2, columns: 3 }), 16, 0);
    const last = sin.subarray(-8);
    const expected = [1, 1 / 100, 1, 10_000 ** (-2 / 6), 10_000 ** (-4 / 6), 2].map(Math.sin);
    for (const [i, value] of expected.entries())
      assert.ok(Math.abs((last[i] as number) - value) < 1e-6, `pair ${i} is ${last[i]}, not ${value}`);
  });
});
