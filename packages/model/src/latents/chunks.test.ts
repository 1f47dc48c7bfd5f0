import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { chunkDecodedFrames, chunkEncodedFrames, decodeChunks, encodeChunks } from "./chunks.js";

const counts = fc.integer({ min: 1, max: 400 });
const lengths = (chunks: ReturnType<typeof decodeChunks>): number[] =>
  chunks.map(({ from, to }) => to - from);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

describe("chunks", () => {
  it("put what is left over into the first", () => {
    assert.deepEqual(lengths(decodeChunks(13)), [3, 2, 2, 2, 2, 2]);
    assert.deepEqual(lengths(decodeChunks(2)), [2]);
    assert.deepEqual(lengths(encodeChunks(49)), [9, 8, 8, 8, 8, 8]);
    assert.deepEqual(lengths(encodeChunks(15)), [15]);
  });

  it("of one frame are one", () => {
    assert.deepEqual(decodeChunks(1), [{ from: 0, to: 1 }]);
    assert.deepEqual(encodeChunks(1), [{ from: 0, to: 1 }]);
  });

  it("follow each other without a gap", () => {
    fc.assert(
      fc.property(counts, fc.constantFrom(decodeChunks, encodeChunks), (frames, chunksOf) => {
        const chunks = chunksOf(frames);
        assert.equal(chunks[0]?.from, 0);
        assert.equal(chunks.at(-1)?.to, frames);
        for (const [i, { from, to }] of chunks.entries()) {
          assert.ok(from < to);
          if (i > 0) assert.equal(from, chunks[i - 1]?.to);
        }
        assert.equal(new Set(lengths(chunks.slice(1))).size, chunks.length > 1 ? 1 : 0);
      }),
    );
  });
});

describe("decoded frames", () => {
  it("are 4T - 3 for an odd number of latent frames, 4T for an even one", () => {
    fc.assert(
      fc.property(counts, (frames) => {
        const decoded = sum(lengths(decodeChunks(frames)).map((chunk) => chunkDecodedFrames(chunk, 4)));
        assert.equal(decoded, frames % 2 === 1 ? 4 * frames - 3 : 4 * frames);
      }),
    );
  });

  it("are as many as latent frames without compression in time", () => {
    assert.equal(chunkDecodedFrames(3, 1), 3);
  });

  it("come from as many latent frames as encoding gives", () => {
    fc.assert(
      fc.property(counts, fc.constantFrom(1, 2, 4, 8), (frames, ratio) => {
        assert.equal(chunkEncodedFrames(chunkDecodedFrames(frames, ratio), ratio), frames);
      }),
    );
  });
});
