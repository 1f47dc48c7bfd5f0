// config.json files to complete configs. What a file leaves out has the default of the class that diffusers or
// transformers would build from it: not the value of the released checkpoints, which differs here and there.
import * as z from "zod";
import {
  type Broken,
  flag,
  integer,
  integers,
  listOf,
  only,
  optionalInteger,
  parseConfig,
  real,
  rules,
} from "./config-fields.js";
import type { SchedulerConfig, T5Config, TransformerConfig, VaeConfig } from "./configs.js";

const SIZE = 1_000_000; // no width, channel or frame count comes near it
const LAYERS = 1_000;

const transformer = z.object({
  _class_name: only(["CogVideoXTransformer3DModel"], "CogVideoXTransformer3DModel"),
  num_attention_heads: integer(1, 4096, 30),
  attention_head_dim: integer(1, 4096, 64),
  in_channels: integer(1, 4096, 16),
  out_channels: integer(1, 4096, 16),
  flip_sin_to_cos: flag(true),
  freq_shift: integer(0, 1, 0),
  time_embed_dim: integer(1, SIZE, 512),
  ofs_embed_dim: optionalInteger(0, SIZE),
  text_embed_dim: integer(1, SIZE, 4096),
  num_layers: integer(1, LAYERS, 30),
  attention_bias: flag(true),
  sample_width: integer(1, SIZE, 90),
  sample_height: integer(1, SIZE, 60),
  sample_frames: integer(1, SIZE, 49),
  patch_size: integer(1, 64, 2),
  patch_size_t: optionalInteger(1, 64),
  temporal_compression_ratio: integer(1, 64, 4),
  max_text_seq_length: integer(1, 65_536, 226),
  activation_fn: only(["gelu-approximate"], "gelu-approximate"),
  timestep_activation_fn: only(["silu"], "silu"),
  norm_elementwise_affine: only([true], true),
  norm_eps: real(0, 1, 1e-5),
  spatial_interpolation_scale: real(0, SIZE, 1.875),
  temporal_interpolation_scale: real(0, SIZE, 1),
  use_rotary_positional_embeddings: flag(false),
  use_learned_positional_embeddings: flag(false),
});

/** CogVideoXTransformer3DModel. `source` names the file in errors: `invalid_checkpoint` or `unsupported`. */
export function parseTransformerConfig(source: string, json: unknown): TransformerConfig {
  const raw = parseConfig(source, rules(transformer, transformerProblems), json);
  return {
    numAttentionHeads: raw.num_attention_heads,
    attentionHeadDim: raw.attention_head_dim,
    inChannels: raw.in_channels,
    outChannels: raw.out_channels,
    timeEmbedDim: raw.time_embed_dim,
    ofsEmbedDim: raw.ofs_embed_dim || null, // 0 means none, as in Python
    textEmbedDim: raw.text_embed_dim,
    numLayers: raw.num_layers,
    attentionBias: raw.attention_bias,
    sampleWidth: raw.sample_width,
    sampleHeight: raw.sample_height,
    sampleFrames: raw.sample_frames,
    patchSize: raw.patch_size,
    patchSizeT: raw.patch_size_t,
    temporalCompressionRatio: raw.temporal_compression_ratio,
    maxTextSeqLength: raw.max_text_seq_length,
    normEps: raw.norm_eps,
    spatialInterpolationScale: raw.spatial_interpolation_scale,
    temporalInterpolationScale: raw.temporal_interpolation_scale,
    useRotaryPositionalEmbeddings: raw.use_rotary_positional_embeddings,
    useLearnedPositionalEmbeddings: raw.use_learned_positional_embeddings,
    flipSinToCos: raw.flip_sin_to_cos,
    freqShift: raw.freq_shift,
  };
}

function transformerProblems(raw: z.infer<typeof transformer>): readonly (Broken | false)[] {
  const isRotary = raw.use_rotary_positional_embeddings;
  const isLearned = raw.use_learned_positional_embeddings;
  const innerDim = raw.num_attention_heads * raw.attention_head_dim;
  return [
    isLearned &&
      !isRotary && {
        code: "unsupported",
        field: "use_learned_positional_embeddings",
        problem: "true without use_rotary_positional_embeddings is not supported, nor is it by diffusers",
      },
    raw.patch_size_t !== null &&
      (!isRotary || isLearned) && {
        code: "unsupported",
        field: "patch_size_t",
        problem: `${raw.patch_size_t} is not supported with other positions than rotary ones alone`,
      },
    isRotary &&
      raw.attention_head_dim % 16 !== 0 && {
        code: "invalid",
        field: "attention_head_dim",
        problem: `must be a multiple of 16 for rotary positions on three axes, got ${raw.attention_head_dim}`,
      },
    !isRotary &&
      innerDim % 16 !== 0 && {
        code: "invalid",
        field: "num_attention_heads",
        problem: `x attention_head_dim must be a multiple of 16 for sincos positions, got ${innerDim}`,
      },
    Boolean(raw.ofs_embed_dim) &&
      raw.ofs_embed_dim !== raw.time_embed_dim && {
        code: "invalid",
        field: "ofs_embed_dim",
        problem: `must equal time_embed_dim (${raw.time_embed_dim}), it is added to it; got ${raw.ofs_embed_dim}`,
      },
  ];
}

const DOWN = "CogVideoXDownBlock3D";
const UP = "CogVideoXUpBlock3D";

const vae = z.object({
  _class_name: only(["AutoencoderKLCogVideoX"], "AutoencoderKLCogVideoX"),
  in_channels: integer(1, 4096, 3),
  out_channels: integer(1, 4096, 3),
  down_block_types: listOf(DOWN, [DOWN, DOWN, DOWN, DOWN]),
  up_block_types: listOf(UP, [UP, UP, UP, UP]),
  block_out_channels: integers(1, 65_536, [128, 256, 256, 512]),
  latent_channels: integer(1, 4096, 16),
  layers_per_block: integer(1, LAYERS, 3),
  act_fn: only(["silu"], "silu"),
  norm_eps: real(0, 1, 1e-6),
  norm_num_groups: integer(1, 65_536, 32),
  temporal_compression_ratio: only([1, 2, 4, 8, 16], 4),
  sample_height: integer(1, SIZE, 480),
  sample_width: integer(1, SIZE, 720),
  scaling_factor: real(0, SIZE, 1.15258426),
  shift_factor: only([null, 0], null),
  latents_mean: only([null], null),
  latents_std: only([null], null),
  use_quant_conv: only([false], false),
  use_post_quant_conv: only([false], false),
  invert_scale_latents: flag(false),
});

/** AutoencoderKLCogVideoX. */
export function parseVaeConfig(source: string, json: unknown): VaeConfig {
  const ruled = rules(vae, (raw) => {
    const blocks = raw.block_out_channels.length;
    return [
      (raw.down_block_types.length !== blocks || raw.up_block_types.length !== blocks) && {
        code: "invalid",
        field: "down_block_types",
        problem: `and up_block_types must have one item for each of block_out_channels (${blocks})`,
      },
      raw.block_out_channels.some((channels) => channels % raw.norm_num_groups !== 0) && {
        code: "invalid",
        field: "block_out_channels",
        problem: `must be multiples of norm_num_groups (${raw.norm_num_groups}), got [${raw.block_out_channels.join(", ")}]`,
      },
      raw.temporal_compression_ratio > 2 ** (blocks - 1) && {
        code: "invalid",
        field: "temporal_compression_ratio",
        problem: `must be at most ${2 ** (blocks - 1)} with ${blocks} blocks, got ${raw.temporal_compression_ratio}`,
      },
    ];
  });
  const raw = parseConfig(source, ruled, json);
  return {
    inChannels: raw.in_channels,
    outChannels: raw.out_channels,
    blockOutChannels: raw.block_out_channels,
    latentChannels: raw.latent_channels,
    layersPerBlock: raw.layers_per_block,
    normEps: raw.norm_eps,
    normNumGroups: raw.norm_num_groups,
    temporalCompressionRatio: raw.temporal_compression_ratio,
    sampleHeight: raw.sample_height,
    sampleWidth: raw.sample_width,
    scalingFactor: raw.scaling_factor,
    invertScaleLatents: raw.invert_scale_latents,
  };
}

const t5 = z.object({
  model_type: only(["t5"], "t5"),
  vocab_size: integer(1, 10_000_000, 32_128),
  d_model: integer(1, SIZE, 512),
  d_kv: integer(1, SIZE, 64),
  d_ff: integer(1, SIZE, 2048),
  num_layers: integer(1, LAYERS, 6),
  num_heads: integer(1, 4096, 8),
  relative_attention_num_buckets: integer(4, 65_536, 32),
  relative_attention_max_distance: integer(2, SIZE, 128),
  layer_norm_epsilon: real(0, 1, 1e-6),
  feed_forward_proj: only(["gated-gelu"], "relu"), // version 1.0 has relu, the class default
  dense_act_fn: only(["gelu_new"], "gelu_new"),
  is_gated_act: only([true], true),
});

/** T5EncoderModel, version 1.1. */
export function parseT5Config(source: string, json: unknown): T5Config {
  const ruled = rules(t5, (raw) => {
    const exact = Math.floor(raw.relative_attention_num_buckets / 4); // distances below it have a bucket each
    return [
      raw.relative_attention_max_distance <= exact && {
        code: "invalid",
        field: "relative_attention_max_distance",
        problem: `must be above ${exact}, got ${raw.relative_attention_max_distance}`,
      },
    ];
  });
  const raw = parseConfig(source, ruled, json);
  return {
    vocabSize: raw.vocab_size,
    dModel: raw.d_model,
    dKv: raw.d_kv,
    dFf: raw.d_ff,
    numLayers: raw.num_layers,
    numHeads: raw.num_heads,
    relativeAttentionNumBuckets: raw.relative_attention_num_buckets,
    relativeAttentionMaxDistance: raw.relative_attention_max_distance,
    layerNormEpsilon: raw.layer_norm_epsilon,
  };
}

// clip_sample, clip_sample_range and sample_max_value are not here: CogVideoX's schedulers take them and never use them.
const scheduler = z.object({
  _class_name: only(["CogVideoXDDIMScheduler", "CogVideoXDPMScheduler"], undefined),
  num_train_timesteps: integer(1, 1_000_000, 1000),
  beta_start: real(0, 1, 0.00085),
  beta_end: real(0, 1, 0.012),
  beta_schedule: only(["scaled_linear", "linear"], "scaled_linear"),
  trained_betas: only([null], null),
  set_alpha_to_one: flag(true),
  steps_offset: integer(0, 1_000_000, 0),
  prediction_type: only(["v_prediction", "epsilon"], "epsilon"),
  timestep_spacing: only(["trailing", "leading", "linspace"], "leading"),
  rescale_betas_zero_snr: flag(false),
  snr_shift_scale: real(0, SIZE, 3),
});

/** CogVideoXDDIMScheduler or CogVideoXDPMScheduler: the class decides the kind. */
export function parseSchedulerConfig(source: string, json: unknown): SchedulerConfig {
  const raw = parseConfig(source, scheduler, json);
  return {
    kind: raw._class_name === "CogVideoXDPMScheduler" ? "dpm" : "ddim",
    numTrainTimesteps: raw.num_train_timesteps,
    betaStart: raw.beta_start,
    betaEnd: raw.beta_end,
    betaSchedule: raw.beta_schedule,
    predictionType: raw.prediction_type,
    timestepSpacing: raw.timestep_spacing,
    rescaleBetasZeroSnr: raw.rescale_betas_zero_snr,
    setAlphaToOne: raw.set_alpha_to_one,
    stepsOffset: raw.steps_offset,
    snrShiftScale: raw.snr_shift_scale,
  };
}
