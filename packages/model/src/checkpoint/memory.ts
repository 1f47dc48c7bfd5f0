// What a generation needs in memory, estimated from configs: each stage alone, since no stage needs another's weights.
// Letters: e bytes of an element, D inner width, S tokens of text and video, F' frames of a chunk, C channels.
import type { Precision } from "../session.js";
import type { T5Config, TransformerConfig, VaeConfig } from "./configs.js";
import { t5Parameters, transformerParameters, vaeParameters } from "./parameters.js";

export type Stage = "encode" | "denoise" | "decode";

export interface StageMemory {
  readonly stage: Stage;
  readonly precision: Precision;
  readonly weightBytes: number;
  readonly activationBytes: number;
}

/** A video in pixels, and the tokens of its prompt. */
export interface VideoShape {
  readonly numFrames: number;
  readonly height: number;
  readonly width: number;
  readonly textTokens: number;
}

export interface PipelineConfigs {
  readonly transformer: TransformerConfig;
  readonly vae: VaeConfig;
  readonly textEncoder: T5Config;
}

/** Bytes of an element in each precision. */
export const ELEMENT_BYTES = { fp32: 4, fp16: 2, bf16: 2 } as const satisfies Record<Precision, number>;

const BRANCHES = 2; // guidance: with and without the prompt
const LATENT_BATCH = 2; // latent frames of a chunk; the first has one more when their number is odd

/** The estimate for each stage. `tiling`: the VAE decodes tiles of half its native size. */
export function stageMemory(
  configs: PipelineConfigs,
  shape: VideoShape,
  precision: Precision,
  tiling = false,
): readonly StageMemory[] {
  const e = ELEMENT_BYTES[precision];
  const stage = (name: Stage, parameters: number, activations: number): StageMemory => ({
    stage: name,
    precision,
    weightBytes: parameters * e,
    activationBytes: activations * e,
  });
  const { transformer, vae, textEncoder } = configs;
  return [
    stage("encode", t5Parameters(textEncoder), encodeActivations(textEncoder, shape)),
    stage("denoise", transformerParameters(transformer), denoiseActivations(transformer, vae, shape)),
    stage("decode", vaeParameters(vae).decoder, decodeActivations(vae, shape, tiling)),
  ];
}

/** Residual and its norm, q k v and their sum, the three feed-forward rows; scores and their softmax. */
function encodeActivations({ dModel, dKv, dFf, numHeads }: T5Config, { textTokens }: VideoShape): number {
  return textTokens * (2 * dModel + 4 * numHeads * dKv + 3 * dFf) + 2 * numHeads * textTokens ** 2;
}

/**
 * Per branch 10 S D, at the widest point of a layer: the residual, its norm, the feed-forward rows of 4 D before and
 * after GELU (attention is fused: its scores are never whole). And latents, prediction and the solver's last one.
 */
function denoiseActivations(config: TransformerConfig, vae: VaeConfig, shape: VideoShape): number {
  const latents = latentFrames(shape, vae);
  const pT = config.patchSizeT ?? 1;
  const rows = latentSide(shape.height, vae);
  const columns = latentSide(shape.width, vae);
  const videoTokens = Math.ceil(latents / pT) * (rows / config.patchSize) * (columns / config.patchSize);
  const innerDim = config.numAttentionHeads * config.attentionHeadDim;
  const latentElements = latents * rows * columns * (config.inChannels + 2 * config.outChannels);
  return BRANCHES * (10 * (shape.textTokens + videoTokens) * innerDim + latentElements);
}

/**
 * The first chunk, the longest, at the last block: its input, its norm and the two maps of the spatial norm, each
 * F' C H W; the cache of two frames for each 3x3x3 convolution; and the frames.
 */
function decodeActivations(vae: VaeConfig, shape: VideoShape, tiling: boolean): number {
  const height = tiling ? Math.min(shape.height, vae.sampleHeight / 2) : shape.height;
  const width = tiling ? Math.min(shape.width, vae.sampleWidth / 2) : shape.width;
  const frames = Math.min(shape.numFrames, LATENT_BATCH * vae.temporalCompressionRatio + 1);
  const channels = vae.blockOutChannels[1] ?? (vae.blockOutChannels[0] as number); // the last block's input
  return (
    4 * frames * channels * height * width +
    decodeCacheElements(vae, height, width) +
    shape.numFrames * vae.outChannels * shape.height * shape.width
  );
}

/** The decoder's convolution cache: the last two input frames of each 3x3x3 convolution, 1.4 G numbers at 480x720. */
export function decodeCacheElements(vae: VaeConfig, height: number, width: number): number {
  const channels = vae.blockOutChannels.toReversed();
  const first = channels[0] as number;
  let pixels = (height * width) / 4 ** (channels.length - 1);
  let perPixel = vae.latentChannels + 4 * first; // conv_in, and two resnets of two convolutions in the middle
  let elements = 0;
  for (const [i, to] of channels.entries()) {
    const from = channels[i - 1] ?? to;
    perPixel += from + (2 * vae.layersPerBlock + 1) * to; // layersPerBlock + 1 resnets: all inputs but one are `to` wide
    if (i === channels.length - 1) perPixel += to; // conv_out
    elements += 2 * perPixel * pixels;
    perPixel = 0;
    pixels *= 4;
  }
  return elements;
}

function latentFrames({ numFrames }: VideoShape, vae: VaeConfig): number {
  return Math.floor((numFrames - 1) / vae.temporalCompressionRatio) + 1;
}

function latentSide(pixels: number, vae: VaeConfig): number {
  return pixels / 2 ** (vae.blockOutChannels.length - 1);
}
