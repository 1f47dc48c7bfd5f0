import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { jobShape } from "./job-shape.js";
import { ARGUMENTS_480P, RELEASED_MODELS } from "./testing/index.js";
import { chunkFlops, haloElements, sampleElements } from "./vae-cost.js";

const { vae } = RELEASED_MODELS["5B"];
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const P480 = { height: 60, width: 90 };

describe("the cost of decoding", () => {
  it("counts the halo between two chunks: 2.81 GB in fp16 at 480p", () => {
    assert.equal(sum(haloElements(vae, P480)), 1_404_691_200);
    assert.equal(haloElements(vae, P480).length, 38);
    assert.equal((2 * sum(haloElements(vae, { height: 96, width: 170 }))) / 1e9 > 8.48, true);
    assert.equal((2 * sum(haloElements(vae, { height: 30, width: 45 }))) / 1e9 > 0.7, true);
  });

  it("counts the arithmetic of a chunk within 3 % of the published figures", () => {
    const tflop = (frames: number, size = P480) => chunkFlops(vae, { from: 0, to: frames }, size) / 1e12;
    assert.ok(Math.abs(tflop(2) / 51.3 - 1) < 0.03, `${tflop(2)}`);
    assert.ok(Math.abs(tflop(3) / 58.8 - 1) < 0.03, `${tflop(3)}`);
  });

  it("counts a video of 49 frames and its tiles, which are 1.4 times the area", () => {
    const whole = jobShape(RELEASED_MODELS["5B"], ARGUMENTS_480P, "fp32");
    assert.deepEqual(
      whole.chunks.map(({ from, to }) => to - from),
      [3, 2, 2, 2, 2, 2],
    );
    assert.equal(sum(whole.chunks.map((chunk) => sampleElements(vae, chunk, P480))), 49 * 3 * 480 * 720);
    const tiled = jobShape(RELEASED_MODELS["5B"], { ...ARGUMENTS_480P, vaeTiling: true }, "fp32");
    assert.equal(tiled.areas.length, 9);
    const area = sum(tiled.areas.map(({ height, width }) => height * width));
    assert.equal((area / (60 * 90)).toFixed(2), "1.40");
  });
});
