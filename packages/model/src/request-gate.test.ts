import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError } from "@cogfleet/core";
import fc from "fast-check";
import type { GenerationArguments, ModelFacts } from "./request.js";
import { MAX_PROMPT_LENGTH, MAX_SEED, resolveRequest } from "./request-gate.js";

const facts: ModelFacts = {
  name: "CogVideoX-2b",
  digest: "00",
  variant: "1.0",
  minHeight: 16,
  maxHeight: 4096,
  minWidth: 16,
  maxWidth: 4096,
  maxNumFrames: 1025,
  defaultScheduler: "ddim",
  defaultHeight: 480,
  defaultWidth: 720,
  defaultNumFrames: 49,
  defaultFps: 8,
  maxTextSeqLength: 226,
  fixedSequenceLength: true,
};
const rotary: ModelFacts = { ...facts, fixedSequenceLength: false };
const random = { seed: () => 1234, id: () => "id" };

function refusal(args: Partial<GenerationArguments>, model = facts): ClusterError {
  try {
    resolveRequest(model, { prompt: "a panda", ...args }, random);
  } catch (error) {
    assert.ok(error instanceof ClusterError);
    return error;
  }
  return assert.fail("it passed");
}

describe("resolveRequest", () => {
  it("fills in the defaults of the checkpoint, and draws a seed", () => {
    assert.deepEqual(resolveRequest(facts, { prompt: "a panda" }, random), {
      prompt: "a panda",
      negativePrompt: "",
      seed: 1234,
      numInferenceSteps: 50,
      guidanceScale: 6,
      useDynamicCfg: false,
      scheduler: "ddim",
      numFrames: 49,
      height: 480,
      width: 720,
      fps: 8,
      maxSequenceLength: 226,
      vaeTiling: false,
    });
  });

  it("keeps what is given, the largest seed to the digit", () => {
    const args = {
      prompt: " a panda ",
      negativePrompt: "rain",
      seed: "9007199254740991",
      numInferenceSteps: 1,
      guidanceScale: 0,
      useDynamicCfg: true,
      scheduler: "dpm",
      numFrames: 1,
      height: 16,
      width: 4096,
      fps: 120,
      maxSequenceLength: 7,
      vaeTiling: true,
    } as const;
    assert.deepEqual(resolveRequest(rotary, args, random), { ...args, seed: MAX_SEED });
  });

  const refused: readonly (readonly [Partial<GenerationArguments>, string])[] = [
    [{ prompt: "" }, 'prompt "" must not be blank'],
    [{ prompt: " \t\u3000\u0085" }, 'prompt " \\t\u3000\u0085" must not be blank'],
    [
      { prompt: "x".repeat(MAX_PROMPT_LENGTH + 1) },
      "prompt of 100001 characters is too long, it must have at most 100000",
    ],
    [
      { negativePrompt: "x".repeat(100_001) },
      "negative_prompt of 100001 characters is too long, it must have at most 100000",
    ],
    [{ numFrames: 50 }, "num_frames 50 must be 8k+1 from 1 to 1025, such as 49 or 57"],
    [{ numFrames: 48 }, "num_frames 48 must be 8k+1 from 1 to 1025, such as 41 or 49"],
    [{ numFrames: 0 }, "num_frames 0 must be 8k+1 from 1 to 1025, such as 1"],
    [{ numFrames: 1033 }, "num_frames 1033 must be 8k+1 from 1 to 1025, such as 1025"],
    [{ numFrames: 16.5 }, "num_frames 16.5 must be 8k+1 from 1 to 1025, such as 9 or 17"],
    [{ height: 481 }, "height 481 must be a multiple of 16 from 16 to 4096, such as 480 or 496"],
    [{ height: -16 }, "height -16 must be a multiple of 16 from 16 to 4096, such as 16"],
    [{ width: 8192 }, "width 8192 must be a multiple of 16 from 16 to 4096, such as 4096"],
    [{ width: Number.NaN }, "width NaN must be a multiple of 16 from 16 to 4096"],
    [{ numInferenceSteps: 0 }, "num_inference_steps 0 must be an integer from 1 to 1000"],
    [{ numInferenceSteps: 1001 }, "num_inference_steps 1001 must be an integer from 1 to 1000"],
    [{ guidanceScale: -0.1 }, "guidance_scale -0.1 must be a finite number, 0 or more"],
    [
      { guidanceScale: Number.POSITIVE_INFINITY },
      "guidance_scale Infinity must be a finite number, 0 or more",
    ],
    [
      { seed: "9007199254740992" },
      "seed 9007199254740992 must be an integer from 0 to 9007199254740991 (2^53 - 1)",
    ],
    [{ seed: "-1" }, "seed -1 must be an integer from 0 to 9007199254740991 (2^53 - 1)"],
    [{ seed: "1e3" }, "seed 1e3 must be an integer from 0 to 9007199254740991 (2^53 - 1)"],
    [{ seed: "" }, 'seed "" must be an integer from 0 to 9007199254740991 (2^53 - 1)'],
    [{ fps: 0 }, "fps 0 must be an integer from 1 to 120"],
    [{ scheduler: "DDIM" }, 'scheduler "DDIM" must be ddim or dpm'],
    [
      { maxSequenceLength: 64 },
      "max_sequence_length 64 must be 226: this model adds positions to a text of that length",
    ],
  ];
  for (const [args, message] of refused)
    it(`says "${message.slice(0, 60)}"`, () => {
      const error = refusal(args);
      assert.equal(error.code, "invalid_request");
      assert.equal(error.message, message);
      assert.deepEqual(error.details, { fields: message.split(" ")[0] });
    });

  it("holds a rotary model to its longest text, and a learned one to its size", () => {
    assert.equal(
      refusal({ maxSequenceLength: 227 }, rotary).message,
      "max_sequence_length 227 must be an integer from 1 to 226",
    );
    const native = { ...facts, minHeight: 480, maxHeight: 480 };
    assert.equal(
      refusal({ height: 496 }, native).message,
      "height 496 must be 480: this model has positions for no other size",
    );
  });

  it("refuses models that need an image", () => {
    const error = refusal({ numFrames: 50 }, { ...facts, name: "CogVideoX-5b-I2V", variant: "i2v-1.0" });
    assert.equal(error.code, "unsupported");
    assert.match(error.message, /CogVideoX-5b-I2V makes videos from an image and a text/);
  });

  it("reports every field that is wrong, and no other", () => {
    const wrong = {
      numFrames: 2,
      height: 17,
      width: 0,
      fps: -1,
      numInferenceSteps: 0.5,
      guidanceScale: Number.NaN,
    };
    const names: Record<keyof typeof wrong, string> = {
      numFrames: "num_frames",
      height: "height",
      width: "width",
      fps: "fps",
      numInferenceSteps: "num_inference_steps",
      guidanceScale: "guidance_scale",
    };
    fc.assert(
      fc.property(fc.subarray(Object.keys(wrong) as (keyof typeof wrong)[], { minLength: 1 }), (chosen) => {
        const { fields } = refusal(Object.fromEntries(chosen.map((field) => [field, wrong[field]]))).details;
        assert.deepEqual(String(fields).split(",").sort(), chosen.map((field) => names[field]).sort());
      }),
    );
  });

  it("names the nearest counts of frames, both of which pass", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 1024 }), (numFrames) => {
        if (numFrames % 8 === 1) {
          assert.equal(resolveRequest(facts, { prompt: "x", numFrames }, random).numFrames, numFrames);
          return;
        }
        const [below, above] = (/such as (\d+) or (\d+)$/.exec(refusal({ numFrames }).message) ?? [])
          .slice(1)
          .map(Number) as [number, number];
        assert.ok(below < numFrames && numFrames < above && above - below === 8);
        for (const nearest of [below, above])
          assert.equal(resolveRequest(facts, { prompt: "x", numFrames: nearest }, random).numFrames, nearest);
      }),
    );
  });

  it("lets through only what keeps the rules, whatever is asked", () => {
    const number = fc.oneof(
      fc.integer({ min: -20, max: 1200 }),
      fc.double(),
      fc.constantFrom(16, 49, 480, 720),
    );
    const any = fc.record({
      prompt: fc.string(),
      seed: fc.option(fc.oneof(fc.nat().map(String), fc.string()), { nil: undefined }),
      numFrames: fc.option(number, { nil: undefined }),
      height: fc.option(number, { nil: undefined }),
      width: fc.option(number, { nil: undefined }),
      numInferenceSteps: fc.option(number, { nil: undefined }),
      guidanceScale: fc.option(number, { nil: undefined }),
      fps: fc.option(number, { nil: undefined }),
      maxSequenceLength: fc.option(number, { nil: undefined }),
    });
    fc.assert(
      fc.property(any, (args) => {
        try {
          const resolved = resolveRequest(rotary, args, random);
          assert.equal((resolved.numFrames - 1) % 8, 0);
          assert.ok(resolved.height % 16 === 0 && resolved.width % 16 === 0);
          assert.ok(Number.isSafeInteger(resolved.seed) && resolved.seed >= 0);
          assert.notEqual(resolved.prompt.trim(), "");
        } catch (error) {
          assert.ok(error instanceof ClusterError && error.code === "invalid_request", String(error));
        }
      }),
    );
  });
});
