// The parts of a CogVideoX pipeline as ports: what the pipeline calls, whoever computes it.
// F latent frames, C channels, H W latent rows and columns, L text tokens, B batch.

import type { TilingOptions } from "./latents/tiles.js";

/** Prompt to token ids (T5). */
export interface Tokenizer {
  /**
   * Ids of `text`, cut to `maxLength` with `</s>` last, then padded with the pad id to `maxLength`.
   * `tokens` counts the ids before cutting, `</s>` included: more than `maxLength` means the prompt was cut.
   */
  encode(text: string, maxLength: number): { readonly ids: readonly number[]; readonly tokens: number };
}

/** Token ids to embeddings (T5 encoder, no attention mask). */
export interface TextEncoder {
  /** `ids` is B rows of L ids. Returns float32 [B, L, d_model], owned by the caller. */
  encode(ids: readonly (readonly number[])[], signal: AbortSignal): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface TransformerInput {
  readonly batch: number;
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  /** float32 [B, F, C_in, H, W]. */
  readonly hiddenStates: Float32Array;
  /** float32 [B, L, text_embed_dim]. */
  readonly encoderHiddenStates: Float32Array;
  /** Train timesteps, one for each of the batch; -1 occurs. */
  readonly timestep: readonly number[];
  /** For checkpoints with ofs_embed_dim; 2.0 when left out, as the pipelines pass. */
  readonly ofs?: number | undefined;
}

/** One forward pass of CogVideoXTransformer3DModel. */
export interface Transformer {
  /**
   * Returns float32 [B, F, C_out, H, W], owned by the caller. The rotary tables (or positions) are the
   * implementation's business. `invalid_request` when the size does not fit the checkpoint's positions.
   */
  forward(input: TransformerInput, signal: AbortSignal): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Size of a latent or a video, in its own elements. */
export interface FrameSize {
  readonly frames: number;
  readonly height: number;
  readonly width: number;
}

/** Latents to frames, in chunks of latent frames with the convolution cache (AutoencoderKLCogVideoX.decode). */
export interface VaeDecoder {
  /**
   * `latents` is float32 [C, F, H, W], already divided by the scaling factor. Returns float32 [3, F', 8H, 8W] in
   * about [-1, 1]. `onChunk` is told how many chunks (of all tiles) are done.
   */
  decode(
    latents: Float32Array,
    size: FrameSize,
    options: {
      /** Whether large sizes go in tiles; an object says how, where it should not be the config's way. */
      readonly tiling: boolean | TilingOptions;
      readonly onChunk?: (done: number, of: number) => void;
    },
    signal: AbortSignal,
  ): Promise<{ readonly sample: Float32Array; readonly size: FrameSize }>;
  close(): Promise<void>;
}

/** Frames to the posterior's moments (AutoencoderKLCogVideoX.encode). */
export interface VaeEncoder {
  /** `video` is float32 [3, F', H', W'] in [-1, 1]. Returns float32 [2C, F, H, W]: mean, then logvar before its clamp. */
  encode(
    video: Float32Array,
    size: FrameSize,
    options: { readonly tiling: boolean | TilingOptions },
    signal: AbortSignal,
  ): Promise<{ readonly moments: Float32Array; readonly size: FrameSize }>;
  close(): Promise<void>;
}
