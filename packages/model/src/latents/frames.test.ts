import assert from "node:assert/strict";
import { it } from "node:test";
import { toFrames, toPixels } from "./frames.js";

const size = { frames: 2, height: 1, width: 2 };
// [3, F, H, W]: red, green, blue of two frames of two pixels.
const sample = Float32Array.of(-1, 1, 0, 0.5, -2, 2, -0.5, 0, 0, 0, 0, 0);

it("takes [-1, 1] to [0, 1], channels last, and cuts off what lies outside", () => {
  assert.deepEqual([...toFrames(sample, size)], [0, 0, 0.5, 1, 1, 0.5, 0.5, 0.25, 0.5, 0.75, 0.5, 0.5]);
});

it("rounds halves to the even level", () => {
  const level = (value: number): number =>
    toPixels(Float32Array.of(value, value, value), { frames: 1, height: 1, width: 1 })[0] as number;
  assert.equal(level(0), 128); // 127.5
  assert.equal(level(-1 / 3), 85);
  assert.equal(level(Math.fround((2 * 0.5) / 255 - 1)), 0); // 0.5
  assert.equal(level(-3), 0);
  assert.equal(level(3), 255);
});
