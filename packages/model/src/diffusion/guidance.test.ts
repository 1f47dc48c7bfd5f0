import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { guidanceAt, guide, isGuided } from "./guidance.js";
import { trailingTimesteps } from "./timesteps.js";

const golden = new URL("../../../../test/fixtures/schedulers/dynamic_cfg.json", import.meta.url);

describe("guidanceAt", () => {
  it("swings as in diffusers, bit for bit", async () => {
    for (const request of JSON.parse(await readFile(golden, "utf8"))) {
      const scales = trailingTimesteps(1000, request.steps).map((timestep) =>
        guidanceAt({
          guidanceScale: request.guidance_scale,
          useDynamicCfg: true,
          numInferenceSteps: request.steps,
          timestep,
        }),
      );
      assert.deepEqual(scales, request.guidance_at);
    }
  });

  it("stays as it is without dynamic guidance", () => {
    const step = { guidanceScale: 3.5, useDynamicCfg: false, numInferenceSteps: 50, timestep: 979 };
    assert.equal(guidanceAt(step), 3.5);
  });
});

describe("guide", () => {
  it("goes from the unconditional prediction towards the conditional one", () => {
    assert.deepEqual(guide(Float32Array.of(1, 2), Float32Array.of(2, 4), 6), Float32Array.of(7, 14));
  });

  it("rounds the difference, the product and the sum to float32", () => {
    const [u, c, g] = [Math.fround(0.1), Math.fround(0.3), Math.fround(6.3)];
    const sum = Math.fround(u + Math.fround(g * Math.fround(c - u)));
    assert.equal(guide(Float32Array.of(u), Float32Array.of(c), 6.3)[0], sum);
  });

  it("refuses predictions of different sizes", () => {
    assert.throws(() => guide(new Float32Array(1), new Float32Array(2), 6), { code: "tensor_mismatch" });
  });
});

describe("isGuided", () => {
  it("needs a scale above 1", () => assert.deepEqual([0, 1, 1.01].map(isGuided), [false, false, true]));
});
