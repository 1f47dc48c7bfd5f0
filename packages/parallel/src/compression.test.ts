import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Block, blockBytes, bytesOf, copyBlocks, whole } from "./block.js";
import { bytesOnWire, COMPRESSIONS, type Compression, compress, roomToExpand } from "./compression.js";

/** Rows of 4 values in a tensor whose rows have 6: a view with gaps. */
function strided(values: Float32Array): Block {
  return { data: bytesOf(values), start: 8, runs: values.length / 6, runBytes: 16, strideBytes: 24 };
}

/** What arrives of some blocks, in blocks of the same rows. */
function sent(compression: Compression, from: readonly Block[], to: readonly Block[]): number {
  const message = compress(compression, from);
  const room = roomToExpand(compression, to);
  copyBlocks([message], room.blocks);
  room.place();
  return blockBytes([message]);
}

describe("compressed activations", () => {
  it("bf16 rounds every value to the nearest of 8 significant bits, ties to even", () => {
    const values = Float32Array.of(1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, -2.7, 0, 1e-40, 3.4e38, Infinity);
    const out = new Float32Array(values.length);
    assert.equal(sent("bf16", [whole(bytesOf(values))], [whole(bytesOf(out))]), 2 * values.length);
    assert.deepEqual([...out.subarray(0, 5)], [1, 1, 1 + 2 ** -6, -2.703125, 0]);
    assert.equal(out[7], Infinity);
  });

  it("int8 is off by at most half of a 127th of the row's largest value", () => {
    const rows = fc.array(fc.float({ min: -1000, max: 1000, noNaN: true }), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(rows, (numbers) => {
        const values = Float32Array.from(numbers);
        const out = new Float32Array(12);
        assert.equal(sent("int8", [strided(values)], [strided(out)]), bytesOnWire("int8", 8, 4));
        for (const row of [2, 8]) {
          const largest = Math.max(...values.subarray(row, row + 4).map(Math.abs));
          for (let i = row; i < row + 4; i++) {
            const error = Math.abs((out[i] as number) - (values[i] as number));
            assert.ok(error <= (0.5001 * largest) / 127 + 1e-37, `${values[i]} became ${out[i]}`);
          }
        }
      }),
    );
  });

  for (const compression of COMPRESSIONS)
    it(`${compression} leaves what lies between the rows alone, and passes on what is not a number`, () => {
      const values = new Float32Array(12).fill(1);
      values[3] = Number.NaN;
      const out = new Float32Array(12).fill(7);
      sent(compression, [strided(values)], [strided(out)]);
      assert.deepEqual([out[0], out[1], out[6], out[7]], [7, 7, 7, 7]);
      assert.ok(Number.isNaN(out[3]));
      assert.equal(out[8], 1);
    });

  it("refuses rows that are not of float32 values", () => {
    assert.throws(() => compress("bf16", [whole(new Uint8Array(6))]), { code: "internal" });
  });
});
