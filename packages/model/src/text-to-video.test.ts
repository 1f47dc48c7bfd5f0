import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import type { TransformerConfig, VaeConfig } from "./checkpoint/configs.js";
import type { TransformerInput, VaeDecoder } from "./components.js";
import { type DenoiseState, denoiseStep } from "./diffusion/denoise.js";
import { createScheduler } from "./diffusion/scheduler.js";
import type { ResolvedArguments } from "./request.js";
import { encodePrompts } from "./text/encode-prompts.js";
import { createPromptEncoder } from "./text/prompt-cache.js";
import { type PipelineConfig, planDenoise, type TextToVideoHooks, textToVideo } from "./text-to-video.js";

const TEXT_DIM = 4;
const config: PipelineConfig = {
  transformer: {
    numAttentionHeads: 1,
    attentionHeadDim: 16,
    inChannels: 2,
    outChannels: 2,
    timeEmbedDim: 4,
    ofsEmbedDim: null,
    textEmbedDim: TEXT_DIM,
    numLayers: 1,
    attentionBias: true,
    sampleWidth: 4,
    sampleHeight: 4,
    sampleFrames: 9,
    patchSize: 2,
    patchSizeT: null,
    temporalCompressionRatio: 4,
    maxTextSeqLength: 6,
    normEps: 1e-5,
    spatialInterpolationScale: 1,
    temporalInterpolationScale: 1,
    useRotaryPositionalEmbeddings: true,
    useLearnedPositionalEmbeddings: false,
    flipSinToCos: true,
    freqShift: 0,
  } satisfies TransformerConfig,
  vae: {
    inChannels: 3,
    outChannels: 3,
    blockOutChannels: [8, 8, 8, 8],
    latentChannels: 2,
    layersPerBlock: 1,
    normEps: 1e-6,
    normNumGroups: 2,
    temporalCompressionRatio: 4,
    sampleHeight: 32,
    sampleWidth: 32,
    scalingFactor: 0.5,
    invertScaleLatents: false,
  } satisfies VaeConfig,
  scheduler: {
    kind: "ddim",
    numTrainTimesteps: 1000,
    betaStart: 0.00085,
    betaEnd: 0.012,
    betaSchedule: "scaled_linear",
    predictionType: "v_prediction",
    timestepSpacing: "trailing",
    rescaleBetasZeroSnr: true,
    setAlphaToOne: true,
    stepsOffset: 0,
    snrShiftScale: 1,
  },
};

const args: ResolvedArguments = {
  prompt: "a panda",
  negativePrompt: "dark",
  seed: 42,
  numInferenceSteps: 5,
  guidanceScale: 6,
  useDynamicCfg: false,
  scheduler: "dpm",
  numFrames: 9,
  height: 16,
  width: 32,
  fps: 8,
  maxSequenceLength: 6,
  vaeTiling: false,
};

/** Parts that compute something cheap of all their inputs, and remember what they were asked. */
function fakes(
  options: { patchSizeT?: number; onForward?: (calls: number, output: Float32Array) => void } = {},
) {
  const forwards: TransformerInput[] = [];
  const decoded: Parameters<VaeDecoder["decode"]>[] = [];
  const encoded: string[] = [];
  const components = {
    config: { ...config, transformer: { ...config.transformer, patchSizeT: options.patchSizeT ?? null } },
    prompts: createPromptEncoder({
      tokenizer: {
        encode(text, maxLength) {
          encoded.push(text);
          return {
            ids: Array.from({ length: maxLength }, (_, i) => text.charCodeAt(i) || 0),
            tokens: text.length + 1,
          };
        },
      },
      textEncoder: {
        encode: async (ids) => Float32Array.from(ids.flatMap((row) => row.flatMap((id) => [id, 1, 2, 3]))),
      },
    }),
    transformer: {
      async forward(input: TransformerInput) {
        forwards.push(structuredClone(input));
        const perRow = input.hiddenStates.length / input.batch;
        const textPerRow = input.encoderHiddenStates.length / input.batch;
        const output = input.hiddenStates.map((x, i) => {
          const row = Math.floor(i / perRow);
          return 0.5 * x + (input.encoderHiddenStates[row * textPerRow] as number) * 1e-3;
        });
        options.onForward?.(forwards.length, output);
        return output;
      },
    },
    vaeDecoder: {
      async decode(...call: Parameters<VaeDecoder["decode"]>) {
        decoded.push(call);
        call[2].onChunk?.(1, 1);
        return { sample: new Float32Array(3), size: { frames: 1, height: 1, width: 1 } };
      },
    },
  };
  return { components, forwards, decoded, encoded };
}

describe("textToVideo", () => {
  it("goes through its stages in order and tells every step", async () => {
    const told: string[] = [];
    const hooks: TextToVideoHooks = {
      onStage: (stage, steps) => void told.push(`${stage} ${steps}`),
      onStep: ({ step }, steps) => void told.push(`step ${step}/${steps}`),
      onChunk: (done, of) => told.push(`chunk ${done}/${of}`),
      onWarning: (message) => told.push(message),
    };
    const { components } = fakes();
    const video = await textToVideo(
      components,
      { ...args, numInferenceSteps: 2, numFrames: 8 },
      hooks,
      neverAborts,
    );
    assert.deepEqual(told, [
      "encode 0",
      "the prompt has 8 tokens, but max_sequence_length is 6: its end was cut off",
      "denoise 2",
      "step 1/2",
      "step 2/2",
      "decode 0",
      "chunk 1/1",
    ]);
    assert.deepEqual(video.latentDims, [2, 2, 2, 4]);
  });

  it("asks for both branches in one forward pass, the negative prompt first", async () => {
    const { components, forwards, encoded } = fakes();
    await textToVideo(components, args, {}, neverAborts);
    assert.deepEqual(encoded, ["dark", "a panda"]);
    assert.deepEqual(
      forwards.map(({ batch, timestep }) => [batch, ...timestep]),
      [999, 799, 599, 399, 199].map((t) => [2, t, t]),
    );
    const first = forwards[0] as TransformerInput;
    const half = first.hiddenStates.length / 2;
    assert.deepEqual(first.hiddenStates.subarray(0, half), first.hiddenStates.subarray(half));
    assert.equal(first.encoderHiddenStates[0], "d".charCodeAt(0));
    assert.equal(first.encoderHiddenStates[6 * TEXT_DIM], "a".charCodeAt(0));
  });

  it("computes no second branch for a guidance scale of 1", async () => {
    const { components, forwards, encoded } = fakes();
    await textToVideo(components, { ...args, guidanceScale: 1 }, {}, neverAborts);
    assert.deepEqual(encoded, ["a panda"]);
    assert.ok(forwards.every(({ batch }) => batch === 1));
  });

  it("fills frames up to whole patches and drops the first of them before decoding", async () => {
    const { components, decoded, forwards } = fakes({ patchSizeT: 2 });
    const { latents, latentDims } = await textToVideo(components, args, {}, neverAborts);
    assert.equal(forwards[0]?.frames, 4);
    assert.deepEqual(latentDims, [4, 2, 2, 4]);
    const [scaled, size] = decoded[0] as Parameters<VaeDecoder["decode"]>;
    assert.deepEqual(size, { frames: 3, height: 2, width: 4 });
    const plane = 8;
    for (let c = 0; c < 2; c++)
      for (let t = 0; t < 3; t++)
        for (let i = 0; i < plane; i++)
          assert.equal(
            scaled[(c * 3 + t) * plane + i],
            2 * (latents[((t + 1) * 2 + c) * plane + i] as number),
          );
  });

  it("fails with the number of the step whose latents are not finite", async () => {
    const { components } = fakes({
      onForward(calls, output) {
        if (calls === 3) output[0] = Number.NaN;
      },
    });
    await assert.rejects(textToVideo(components, args, {}, neverAborts), {
      code: "numeric_error",
      message: /after step 3 of 5/,
      details: { step: 3 },
    });
  });

  it("stops between two steps", async () => {
    const stop = new AbortController();
    const { components, forwards } = fakes();
    const hooks: TextToVideoHooks = {
      onStep: ({ step }) => {
        if (step === 2) stop.abort(new ClusterError("cancelled", "enough"));
      },
    };
    await assert.rejects(textToVideo(components, args, hooks, stop.signal), { code: "cancelled" });
    assert.equal(forwards.length, 2);
  });

  it("goes on from a copy of any step's state to the same bits", async () => {
    const { components } = fakes();
    const states: DenoiseState[] = [];
    const onStep = (state: DenoiseState): void => void states.push(structuredClone(state));
    const { latents } = await textToVideo(components, args, { onStep }, neverAborts);
    const scheduler = createScheduler({ ...config.scheduler, kind: args.scheduler });
    const request = { ...args, prompts: [args.prompt], negativePrompts: [args.negativePrompt] };
    const { embeds } = await encodePrompts(components.prompts, request, neverAborts);
    for (let state of states) {
      while (state.step < args.numInferenceSteps)
        state = await denoiseStep(
          { transformer: components.transformer, scheduler },
          planDenoise(config, args),
          embeds,
          state,
          neverAborts,
        );
      assert.deepEqual(state.latents, latents);
    }
  });

  it("refuses sizes that are no latents, and models that need an image", async () => {
    const { components } = fakes();
    await assert.rejects(textToVideo(components, { ...args, height: 17 }, {}, neverAborts), {
      code: "invalid_request",
      message: /height must be a multiple of 8, got 17/,
    });
    const transformer = { ...config.transformer, inChannels: 4 };
    await assert.rejects(
      textToVideo({ ...components, config: { ...config, transformer } }, args, {}, neverAborts),
      { code: "unsupported", message: /from an image and a text/ },
    );
  });
});

describe("createPromptEncoder", () => {
  function counted(capacity: number) {
    const calls: (readonly (readonly number[])[])[] = [];
    const encoder = createPromptEncoder({
      tokenizer: {
        encode: (text, length) => ({ ids: new Array<number>(length).fill(Number(text)), tokens: 1 }),
      },
      textEncoder: {
        encode: async (ids) => {
          calls.push(ids);
          return Float32Array.from(ids.flat());
        },
      },
      capacity,
    });
    return {
      calls,
      embed: (prompts: readonly string[], length = 2) => encoder.embed(prompts, length, neverAborts),
    };
  }

  it("computes each distinct prompt once, what is new in one batch", async () => {
    const { calls, embed } = counted(10);
    const rows = await embed(["1", "2", "1"]);
    assert.deepEqual(
      rows.map(({ embedding }) => [...embedding]),
      [
        [1, 1],
        [2, 2],
        [1, 1],
      ],
    );
    await embed(["2", "1"]);
    await embed(["1", "3"]);
    await embed(["1"], 3);
    assert.deepEqual(
      calls.map((ids) => ids.map((row) => row.join())),
      [["1,1", "2,2"], ["3,3"], ["1,1,1"]],
    );
  });

  it("forgets what was used least recently, even if one call holds more than it remembers", async () => {
    const { calls, embed } = counted(2);
    await embed(["1", "2"]);
    await embed(["1"]);
    await embed(["3"]); // 2 goes
    await embed(["1"]);
    assert.equal(calls.length, 2);
    await embed(["2"]);
    assert.equal(calls.length, 3);
    assert.equal((await embed(["4", "5", "6"])).length, 3);
  });
});
