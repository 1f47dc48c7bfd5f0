import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Block, blockBytes, copyBlocks, readBlocks, viewBlocks, writeBlocks } from "./block.js";

const block = fc
  .record({
    start: fc.nat(5),
    runs: fc.nat(4),
    runBytes: fc.nat(6),
    gap: fc.nat(3),
  })
  .map(({ start, runs, runBytes, gap }): Block => {
    const strideBytes = runBytes + gap;
    const data = Uint8Array.from({ length: start + runs * strideBytes }, (_, i) => i + 1);
    return { data, start, runs, runBytes, strideBytes };
  });

/** Every byte of the blocks, one at a time: slow and plain. */
function flat(blocks: readonly Block[]): number[] {
  return blocks.flatMap(({ data, start, runs, runBytes, strideBytes }) =>
    Array.from({ length: runs * runBytes }, (_, i) =>
      Number(data[start + Math.floor(i / runBytes) * strideBytes + (i % runBytes)]),
    ),
  );
}

describe("blocks", () => {
  it("read any part as if they were one array", () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 4 }), fc.nat(), fc.nat(), (blocks, a, b) => {
        const all = flat(blocks);
        assert.equal(blockBytes(blocks), all.length);
        const offset = a % (all.length + 1);
        const into = new Uint8Array(b % (all.length - offset + 1));
        readBlocks(blocks, offset, into);
        assert.deepEqual([...into], all.slice(offset, offset + into.length));
        const view = viewBlocks(blocks, offset, into.length);
        if (view !== undefined) assert.deepEqual([...view], [...into]);
      }),
    );
  });

  it("write any part, and nothing beside it", () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 4 }), fc.nat(), fc.nat(), (blocks, a, b) => {
        const all = flat(blocks);
        const sum = (): number => blocks.reduce((s, { data }) => s + data.reduce((x, y) => x + y, 0), 0);
        const before = sum();
        const offset = a % (all.length + 1);
        const from = new Uint8Array(b % (all.length - offset + 1)).fill(200);
        writeBlocks(blocks, offset, from);
        const replaced = all.slice(offset, offset + from.length);
        assert.deepEqual(flat(blocks), all.toSpliced(offset, from.length, ...from));
        assert.equal(sum() - before, from.length * 200 - replaced.reduce((x, y) => x + y, 0));
      }),
    );
  });

  it("copy to blocks cut in another way", () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 4 }), fc.integer({ min: 1, max: 7 }), (blocks, runBytes) => {
        const all = flat(blocks);
        const runs = Math.ceil(all.length / runBytes);
        const data = new Uint8Array(runs * 10);
        const into: Block = { data, start: 0, runs, runBytes, strideBytes: 10 };
        copyBlocks(blocks, [into]);
        assert.deepEqual(flat([into]).slice(0, all.length), all);
      }),
    );
  });
});
