import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  openTextEncoder,
  openTransformer,
  openVaeDecoder,
  openVaeEncoder,
  parseT5Config,
  parseTransformerConfig,
  parseVaeConfig,
} from "@cogfleet/model";
import { type WeightShapes, weightsAskedFor, writeRandomWeights } from "./random-weights.js";

const DEMO = fileURLToPath(new URL("../../models/demo/", import.meta.url));

type Json = Readonly<Record<string, unknown>>;

/** 17 frames of 256 x 256: 1,280 video and 226 text tokens. */
const SMALL_VIDEO: Json = {
  _class_name: "CogVideoXTransformer3DModel",
  attention_head_dim: 64,
  in_channels: 16,
  out_channels: 16,
  time_embed_dim: 512,
  text_embed_dim: 512,
  sample_width: 32,
  sample_height: 32,
  sample_frames: 17,
  patch_size: 2,
  temporal_compression_ratio: 4,
  max_text_seq_length: 226,
};

/** config.json of transformers that small machines can compute, by name. */
export const TRANSFORMERS = {
  /** A third of 5B's width: what crosses a cut grows with the width, the arithmetic with its square. */
  narrow: {
    ...SMALL_VIDEO,
    num_attention_heads: 16,
    num_layers: 8,
    use_rotary_positional_embeddings: true,
  },
  /** 4 of the 30 layers of CogVideoX-2B, at their width. */
  "2b": {
    ...SMALL_VIDEO,
    num_attention_heads: 30,
    num_layers: 4,
    use_rotary_positional_embeddings: false,
  },
  /** 2 of the 42 layers of CogVideoX-5B, at their width. */
  "5b": {
    ...SMALL_VIDEO,
    num_attention_heads: 48,
    num_layers: 2,
    use_rotary_positional_embeddings: true,
  },
} as const satisfies Readonly<Record<string, Json>>;

export type TransformerName = keyof typeof TRANSFORMERS;

/**
 * Makes a checkpoint folder in the diffusers layout around a transformer's config.json: random float32 weights for it,
 * a small VAE and a small T5 that fit it, and the bundled checkpoint's tokenizer. What it computes means nothing; how
 * long it takes does.
 */
export async function writeRandomCheckpoint(
  folder: string,
  transformer: Json,
  signal: AbortSignal,
): Promise<void> {
  const transformerConfig = parseTransformerConfig("transformer", transformer);
  const textEncoder = {
    model_type: "t5",
    d_model: transformerConfig.textEmbedDim,
    d_kv: 64,
    d_ff: 1024,
    num_heads: 8,
    num_layers: 2,
    vocab_size: 384,
    feed_forward_proj: "gated-gelu",
  };
  const vae = {
    _class_name: "AutoencoderKLCogVideoX",
    block_out_channels: [16, 32, 32, 64],
    latent_channels: transformerConfig.outChannels,
    layers_per_block: 1,
    norm_num_groups: 4,
    sample_height: transformerConfig.sampleHeight * 8,
    sample_width: transformerConfig.sampleWidth * 8,
    scaling_factor: 0.7,
  };
  const textEncoderConfig = parseT5Config("text_encoder", textEncoder);
  const vaeConfig = parseVaeConfig("vae", vae);

  await Promise.all(
    ["model_index.json", "tokenizer", "scheduler"].map((part) =>
      cp(join(DEMO, part), join(folder, part), { recursive: true }),
    ),
  );
  await write(
    join(folder, "transformer"),
    "diffusion_pytorch_model.safetensors",
    transformer,
    await weightsAskedFor((runtime, weights) =>
      openTransformer(runtime, transformerConfig, weights, "fp32", signal),
    ),
    signal,
  );
  await write(
    join(folder, "text_encoder"),
    "model.safetensors",
    textEncoder,
    await weightsAskedFor((runtime, weights) =>
      openTextEncoder(runtime, textEncoderConfig, weights, "fp32", signal),
    ),
    signal,
  );
  const decoder = await weightsAskedFor((runtime, weights) =>
    openVaeDecoder(runtime, vaeConfig, weights, "fp32", signal),
  );
  const encoder = await weightsAskedFor((runtime, weights) =>
    openVaeEncoder(runtime, vaeConfig, weights, "fp32", signal),
  );
  await write(
    join(folder, "vae"),
    "diffusion_pytorch_model.safetensors",
    vae,
    new Map([...decoder, ...encoder]),
    signal,
  );
}

async function write(
  folder: string,
  file: string,
  config: Json,
  shapes: WeightShapes,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "config.json"), `${JSON.stringify(config, undefined, 2)}\n`);
  await writeRandomWeights(join(folder, file), shapes, 20_240_806, signal);
}
