import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Box, cutBox, emptyVolume, pasteBox } from "@cogfleet/model";
import fc from "fast-check";
import { bytesOf, copyBlocks, whole } from "./block.js";
import { boxBlocks } from "./volume-blocks.js";

const along = fc
  .record({ length: fc.integer({ min: 1, max: 5 }), start: fc.nat(4), count: fc.integer({ min: 1, max: 5 }) })
  .filter(({ length, start, count }) => start + count <= length);

const boxes = fc
  .record({ channels: fc.integer({ min: 1, max: 4 }), t: along, y: along, x: along })
  .map(({ channels, t, y, x }) => ({
    size: { channels, frames: t.length, height: y.length, width: x.length },
    box: { frame: t.start, frames: t.count, top: y.start, height: y.count, left: x.start, width: x.count },
  }));

describe("the blocks of a box", () => {
  const volumeOf = ({ size }: { readonly size: Parameters<typeof emptyVolume>[0]; readonly box: Box }) => {
    const volume = emptyVolume(size);
    for (const i of volume.data.keys()) volume.data[i] = i + 1;
    return volume;
  };

  it("read as the chunk that is cut from it", () => {
    fc.assert(
      fc.property(boxes, (of) => {
        const volume = volumeOf(of);
        const expected = cutBox(volume, of.box);
        const chunk = new Float32Array(expected.length);
        copyBlocks(boxBlocks(volume, of.box), [whole(bytesOf(chunk))]);
        assert.deepEqual(chunk, expected);
      }),
    );
  });

  it("are written as a chunk is pasted to it", () => {
    fc.assert(
      fc.property(boxes, (of) => {
        const [volume, expected] = [volumeOf(of), volumeOf(of)];
        const chunk = cutBox(volume, of.box).map((value) => -value);
        pasteBox(expected, of.box, chunk);
        copyBlocks([whole(bytesOf(chunk))], boxBlocks(volume, of.box));
        assert.deepEqual(volume.data, expected.data);
      }),
    );
  });
});
