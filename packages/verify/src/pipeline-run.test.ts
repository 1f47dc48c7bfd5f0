import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseTransformerConfig, parseVaeConfig } from "@cogfleet/model";
import { pipelineSchema, resolveCall } from "./pipeline-run.js";

const transformer = parseTransformerConfig("transformer", {
  sample_height: 6,
  sample_width: 10,
  sample_frames: 9,
});
const vae = parseVaeConfig("vae", {});

function resolve(call: Readonly<Record<string, unknown>>) {
  const [run] = pipelineSchema.parse({
    config: "model/",
    runs: [{ name: "a", seed: 1, call }],
    tolerance: { atol: 1 },
  }).runs;
  assert.ok(run !== undefined);
  return resolveCall(run.call, transformer, vae);
}

describe("resolveCall", () => {
  it("leaves to a call what diffusers leaves to it", () => {
    assert.deepEqual(resolve({ prompt: "x", negative_prompt: null }), {
      prompts: ["x"],
      negativePrompts: [""],
      negativeTexts: [""],
      height: 48,
      width: 80,
      numFrames: 9,
      numInferenceSteps: 50,
      guidanceScale: 6,
      useDynamicCfg: false,
      maxSequenceLength: 226,
    });
  });

  it("gives every prompt of a batch the one negative prompt, or its own", () => {
    const one = resolve({ prompt: ["x", "y"], negative_prompt: "n" });
    assert.deepEqual([one.negativePrompts, one.negativeTexts], [["n", "n"], ["n"]]);
    const two = resolve({ prompt: ["x", "y"], negative_prompt: ["m", "n"] });
    assert.deepEqual(
      [two.negativePrompts, two.negativeTexts],
      [
        ["m", "n"],
        ["m", "n"],
      ],
    );
  });

  it("ignores what diffusers ignores and refuses what it does not know", () => {
    assert.equal(resolve({ prompt: "x", eta: 0.5, num_videos_per_prompt: 3 }).prompts.length, 1);
    assert.throws(() => resolve({ prompt: "x", latents: [], timesteps: [1] }), {
      code: "unsupported",
      message: /latents, timesteps/,
    });
  });
});

describe("pipelineSchema", () => {
  it("takes the general tolerance where there is no special one", () => {
    const { tolerance } = pipelineSchema.parse({
      config: "model/",
      runs: [{ name: "a", seed: 1, call: { prompt: "x" } }],
      tolerance: { atol: 1, frames_atol: 0.5 },
    });
    assert.deepEqual(tolerance, { embeds: { atol: 1 }, latents: { atol: 1 }, frames: { atol: 0.5 } });
  });
});
