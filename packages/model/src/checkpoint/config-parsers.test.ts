import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { ClusterError } from "@cogfleet/core";
import fc from "fast-check";
import {
  parseSchedulerConfig,
  parseT5Config,
  parseTransformerConfig,
  parseVaeConfig,
} from "./config-parsers.js";

const repository = fileURLToPath(new URL("../../../../", import.meta.url));

function configs(name: string): { file: string; json: Record<string, unknown> }[] {
  return ["test/fixtures", "models/demo"].flatMap((root) =>
    readdirSync(join(repository, root), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(name) && !file.includes("tokenizer"))
      .map((file) => join(repository, root, file))
      .map((file) => ({ file, json: JSON.parse(readFileSync(file, "utf8")) })),
  );
}

describe("the config parsers", () => {
  it("take every config of the golden cases and the demo", () => {
    const kinds = { CogVideoXTransformer3DModel: 0, AutoencoderKLCogVideoX: 0, t5: 0, scheduler: 0 };
    for (const { file, json } of configs("/config.json")) {
      const { _class_name: className, num_layers, scaling_factor, d_model } = json;
      if (className === "CogVideoXTransformer3DModel") {
        assert.equal(parseTransformerConfig(file, json).numLayers, num_layers);
        kinds.CogVideoXTransformer3DModel++;
      } else if (className === "AutoencoderKLCogVideoX") {
        assert.equal(parseVaeConfig(file, json).scalingFactor, scaling_factor);
        kinds.AutoencoderKLCogVideoX++;
      } else {
        assert.equal(parseT5Config(file, json).dModel, d_model);
        kinds.t5++;
      }
    }
    for (const { file, json } of configs("/scheduler_config.json")) {
      const { _class_name: className, snr_shift_scale } = json;
      const { kind, snrShiftScale } = parseSchedulerConfig(file, json);
      assert.equal(kind === "dpm", className === "CogVideoXDPMScheduler");
      assert.equal(snrShiftScale, snr_shift_scale);
      kinds.scheduler++;
    }
    assert.ok(
      Object.values(kinds).every((count) => count >= 5),
      JSON.stringify(kinds),
    );
  });

  it("fill in the defaults of diffusers' classes, not of the released checkpoints", () => {
    const transformer = parseTransformerConfig("config.json", {});
    assert.equal(transformer.numAttentionHeads * transformer.attentionHeadDim, 1920);
    assert.deepEqual(
      [
        transformer.patchSizeT,
        transformer.ofsEmbedDim,
        transformer.sampleFrames,
        transformer.maxTextSeqLength,
      ],
      [null, null, 49, 226],
    );
    assert.equal(transformer.useRotaryPositionalEmbeddings, false);
    assert.equal(parseVaeConfig("config.json", {}).scalingFactor, 1.15258426);
    const scheduler = parseSchedulerConfig("scheduler_config.json", {
      _class_name: "CogVideoXDDIMScheduler",
    });
    assert.deepEqual(scheduler, {
      kind: "ddim",
      numTrainTimesteps: 1000,
      betaStart: 0.00085,
      betaEnd: 0.012,
      betaSchedule: "scaled_linear",
      predictionType: "epsilon",
      timestepSpacing: "leading",
      rescaleBetasZeroSnr: false,
      setAlphaToOne: true,
      stepsOffset: 0,
      snrShiftScale: 3,
    });
    assert.equal(parseT5Config("config.json", { feed_forward_proj: "gated-gelu" }).dKv, 64);
  });

  it("report every wrong field together", () => {
    const json = { num_layers: "30", norm_eps: -1, use_rotary_positional_embeddings: 1, patch_size_t: 0.5 };
    assert.throws(() => parseTransformerConfig("transformer/config.json", json), {
      code: "invalid_checkpoint",
      message:
        'transformer/config.json: num_layers must be an integer in [1, 1000], got "30"; ' +
        "patch_size_t must be null or an integer in [1, 64], got 0.5; " +
        "norm_eps must be a number above 0, at most 1, got -1; " +
        "use_rotary_positional_embeddings must be true or false, got 1",
      details: { fields: "num_layers,patch_size_t,norm_eps,use_rotary_positional_embeddings" },
    });
  });

  const unsupported: readonly (readonly [
    (
      | typeof parseVaeConfig
      | typeof parseTransformerConfig
      | typeof parseT5Config
      | typeof parseSchedulerConfig
    ),
    object,
    RegExp,
  ])[] = [
    [
      parseTransformerConfig,
      { activation_fn: "geglu" },
      /activation_fn "geglu" is not supported, only "gelu-approx/,
    ],
    [
      parseTransformerConfig,
      { norm_elementwise_affine: false },
      /norm_elementwise_affine false is not supported/,
    ],
    [
      parseTransformerConfig,
      { _class_name: "WanTransformer3DModel" },
      /_class_name "WanTransformer3DModel" is not/,
    ],
    [parseTransformerConfig, { patch_size_t: 2 }, /patch_size_t 2 is not supported with other positions/],
    [parseTransformerConfig, { use_learned_positional_embeddings: true }, /without use_rotary/],
    [parseVaeConfig, { use_quant_conv: true }, /use_quant_conv true is not supported, only false/],
    [parseVaeConfig, { latents_mean: [0.1] }, /latents_mean \[0\.1\] is not supported, only null/],
    [
      parseVaeConfig,
      { up_block_types: ["UpDecoderBlock2D"] },
      /up_block_types \["UpDecoderBlock2D"\] is not supported/,
    ],
    [parseT5Config, {}, /feed_forward_proj "relu" is not supported, only "gated-gelu"/],
    [
      parseT5Config,
      { feed_forward_proj: "gated-gelu", model_type: "umt5" },
      /model_type "umt5" is not supported/,
    ],
    [parseSchedulerConfig, { _class_name: "DDIMScheduler" }, /_class_name "DDIMScheduler" is not supported/],
    [parseSchedulerConfig, {}, /_class_name nothing is not supported/],
    [
      parseSchedulerConfig,
      { _class_name: "CogVideoXDDIMScheduler", prediction_type: "sample" },
      /prediction_type "sample"/,
    ],
    [
      parseSchedulerConfig,
      { _class_name: "CogVideoXDDIMScheduler", trained_betas: [0.1] },
      /trained_betas \[0\.1\]/,
    ],
  ];
  for (const [parse, json, message] of unsupported)
    it(`call ${JSON.stringify(json)} unsupported, naming the field and what is supported`, () => {
      assert.throws(() => parse("config.json", json), { code: "unsupported", message });
    });

  it("take clip_sample, which CogVideoX's schedulers never use", () => {
    parseSchedulerConfig("scheduler_config.json", {
      _class_name: "CogVideoXDPMScheduler",
      clip_sample: true,
    });
  });

  it("check the rules between fields", () => {
    const rotary = { use_rotary_positional_embeddings: true };
    const wrong = (parse: () => unknown, message: RegExp): void =>
      assert.throws(parse, { code: "invalid_checkpoint", message });
    wrong(
      () => parseTransformerConfig("c", { ...rotary, attention_head_dim: 24 }),
      /head_dim must be a multiple of 16/,
    );
    wrong(
      () => parseTransformerConfig("c", { ...rotary, ofs_embed_dim: 16 }),
      /ofs_embed_dim must equal time_embed_dim/,
    );
    wrong(
      () => parseVaeConfig("c", { block_out_channels: [8, 8, 8, 8] }),
      /multiples of norm_num_groups \(32\)/,
    );
    wrong(
      () => parseVaeConfig("c", { temporal_compression_ratio: 16 }),
      /must be at most 8 with 4 blocks, got 16/,
    );
    assert.equal(parseTransformerConfig("c", { ofs_embed_dim: 0 }).ofsEmbedDim, null);
  });

  it("throw nothing but refusals, whatever they are given", () => {
    const parsers = [parseTransformerConfig, parseVaeConfig, parseT5Config, parseSchedulerConfig];
    const fields = [
      "num_layers",
      "_class_name",
      "block_out_channels",
      "d_model",
      "beta_start",
      "patch_size_t",
    ];
    const json = fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom(...fields), fc.jsonValue()));
    fc.assert(
      fc.property(json, fc.constantFrom(...parsers), (value, parse) => {
        try {
          parse("config.json", value);
        } catch (error) {
          assert.ok(error instanceof ClusterError, String(error));
          assert.ok(["invalid_checkpoint", "unsupported"].includes(error.code), error.message);
        }
      }),
    );
  });
});
