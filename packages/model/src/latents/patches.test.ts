import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { patchify, tokenCount, tokenGrid, unpatchify } from "./patches.js";

const shapes = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  channels: fc.integer({ min: 1, max: 3 }),
  p: fc.integer({ min: 1, max: 3 }),
  pT: fc.integer({ min: 1, max: 2 }),
  grid: fc.tuple(
    fc.integer({ min: 1, max: 3 }),
    fc.integer({ min: 1, max: 4 }),
    fc.integer({ min: 1, max: 4 }),
  ),
});

function latentsOf({
  batch,
  channels,
  p,
  pT,
  grid: [frames, rows, columns],
}: typeof shapes extends fc.Arbitrary<infer Shape> ? Shape : never) {
  const shape = { batch, channels, frames: frames * pT, height: rows * p, width: columns * p };
  const values = Float32Array.from(
    { length: batch * channels * shape.frames * shape.height * shape.width },
    (_, i) => i,
  );
  return { shape, patch: { p, pT }, values };
}

describe("patches", () => {
  it("orders tokens by frame, row, column and features by channel, frame, row, column", () => {
    const shape = { batch: 1, frames: 2, channels: 2, height: 2, width: 4 };
    const latents = Float32Array.from({ length: 32 }, (_, i) => i); // [2, 2, 2, 4]
    assert.deepEqual(
      [...patchify(latents, shape, { p: 2, pT: 1 })],
      [
        ...[0, 1, 4, 5, 8, 9, 12, 13],
        ...[2, 3, 6, 7, 10, 11, 14, 15],
        ...[16, 17, 20, 21, 24, 25, 28, 29],
        ...[18, 19, 22, 23, 26, 27, 30, 31],
      ],
    );
    assert.deepEqual(
      [...patchify(latents, shape, { p: 2, pT: 2 })].slice(0, 16),
      [0, 1, 4, 5, 16, 17, 20, 21, 8, 9, 12, 13, 24, 25, 28, 29],
    );
  });

  it("come back to the same latents, in one piece or range by range", () => {
    fc.assert(
      fc.property(shapes, fc.nat(), (wanted, cut) => {
        const { shape, patch, values } = latentsOf(wanted);
        const whole = new Float32Array(values.length);
        unpatchify(patchify(values, shape, patch), whole, shape, patch);
        assert.deepEqual(whole, values);

        const tokens = tokenCount(tokenGrid(shape, patch));
        const middle = cut % (tokens + 1);
        const pieces = new Float32Array(values.length);
        for (const range of [
          { from: 0, to: middle },
          { from: middle, to: tokens },
        ]) {
          unpatchify(patchify(values, shape, patch, range), pieces, shape, patch, range);
        }
        assert.deepEqual(pieces, values);
      }),
    );
  });
});
