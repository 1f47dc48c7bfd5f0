import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { cutBox, emptyVolume, pasteBox } from "./volume.js";

it("cuts frames out of [C, F, H, W] as [T, C, H, W]", () => {
  const volume = {
    channels: 2,
    frames: 3,
    height: 1,
    width: 2,
    data: Float32Array.from({ length: 12 }, (_, i) => i),
  };
  const chunk = cutBox(volume, { frame: 1, frames: 2, top: 0, height: 1, left: 1, width: 1 });
  assert.deepEqual([...chunk], [3, 9, 5, 11]);
});

it("puts back what it cut", () => {
  const span = fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 3 }), fc.nat(2));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 }), span, span, span, (channels, times, rows, columns) => {
      const total = ([before, inside, after]: readonly [number, number, number]): number =>
        before + inside + after;
      const size = { channels, frames: total(times), height: total(rows), width: total(columns) };
      const source = emptyVolume(size);
      source.data.forEach((_, i) => {
        source.data[i] = i + 1;
      });
      const box = {
        frame: times[0],
        frames: times[1],
        top: rows[0],
        height: rows[1],
        left: columns[0],
        width: columns[1],
      };
      const chunk = cutBox(source, box);
      const target = emptyVolume(size);
      pasteBox(target, box, chunk);
      assert.deepEqual(cutBox(target, box), chunk);
      assert.equal(target.data.filter((value) => value !== 0).length, chunk.length);
      assert.ok(target.data.every((value, i) => value === 0 || value === source.data[i]));
    }),
  );
});
