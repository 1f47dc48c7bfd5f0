// What a generation needs in memory on a CPU, estimated from configs: each stage alone, since no stage needs another's
// weights. Every term was measured (docs/log.md, "What the stages hold").
// Letters: e bytes of an element, D inner width, S tokens of text and video, F' frames of a chunk, C channels.
import { vaePrecision } from "../graph/vae-chain.js";
import { CACHED_FRAMES } from "../graph/vae-layers.js";
import { chunkDecodedFrames, decodeChunks, type FrameRange } from "../latents/chunks.js";
import type { Precision } from "../session.js";
import type { ModelConfigs, T5Config, TransformerConfig, VaeConfig } from "./configs.js";
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

/** Bytes of an element in each precision. */
export const ELEMENT_BYTES = { fp32: 4, fp16: 2, bf16: 2 } as const satisfies Record<Precision, number>;

/**
 * What ONNX Runtime's arena takes for each byte of the decoder that lives in it at once: it grows by regions twice as large
 * as the last, and what the narrow layers' tensors leave free does not fit the wide ones'. It is never given back.
 */
const ARENA = 1.4;
/** q, k, v, their copies head by head, and the result: free when attention is done, but in pieces too small for what follows. */
const ATTENTION_ROWS = 7;

const BRANCHES = 2; // guidance: with and without the prompt

/** The estimate for each stage. `tiling`: the VAE decodes tiles of half its native size. */
export function stageMemory(
  configs: ModelConfigs,
  shape: VideoShape,
  precision: Precision,
  tiling = false,
): readonly StageMemory[] {
  const stage = (
    name: Stage,
    parameters: number,
    activations: number,
    computed = precision,
  ): StageMemory => ({
    stage: name,
    precision: computed,
    weightBytes: parameters * ELEMENT_BYTES[computed],
    activationBytes: activations * ELEMENT_BYTES[computed],
  });
  const { transformer, vae, textEncoder } = configs;
  const decoded = vaePrecision(precision);
  // The taps of float32 convolutions are cut out at load and then laid out anew; malloc keeps what was freed.
  const decoderCopies = decoded === "fp32" ? 2 : 1;
  return [
    stage("encode", t5Parameters(textEncoder), encodeActivations(textEncoder, shape)),
    stage("denoise", transformerParameters(transformer), denoiseActivations(transformer, vae, shape)),
    stage(
      "decode",
      decoderCopies * vaeParameters(vae).decoder,
      decodeActivations(vae, shape, tiling),
      decoded,
    ),
  ];
}

/** The residual and the three feed-forward rows, what attention has left, and the position bias of all heads. */
function encodeActivations({ dModel, dFf, dKv, numHeads }: T5Config, { textTokens }: VideoShape): number {
  const perToken = dModel + 3 * dFf + ATTENTION_ROWS * numHeads * dKv;
  return textTokens * perToken + numHeads * textTokens ** 2;
}

/**
 * What a layer takes for so many rows: at its widest point the residual and the feed-forward rows of 4 D before and after
 * GELU, and what attention, which is fused and so never has its scores whole, has left.
 */
export function layerActivations(rows: number, innerDim: number): number {
  return (9 + ATTENTION_ROWS) * rows * innerDim;
}

/** Of each branch a layer, and latents, prediction and the solver's last one. */
function denoiseActivations(config: TransformerConfig, vae: VaeConfig, shape: VideoShape): number {
  const latents = latentFrames(shape, vae);
  const pT = config.patchSizeT ?? 1;
  const rows = latentSide(shape.height, vae);
  const columns = latentSide(shape.width, vae);
  const videoTokens = Math.ceil(latents / pT) * (rows / config.patchSize) * (columns / config.patchSize);
  const innerDim = config.numAttentionHeads * config.attentionHeadDim;
  const latentElements = latents * rows * columns * (config.inChannels + 2 * config.outChannels);
  return BRANCHES * (layerActivations(shape.textTokens + videoTokens, innerDim) + latentElements);
}

/**
 * In one graph: the widest convolution with the block's shortcut, which is computed before it; the convolution caches
 * that go out, once more as JavaScript gets them, and those that came in; and the frames.
 */
function decodeActivations(vae: VaeConfig, shape: VideoShape, tiling: boolean): number {
  const area = decodedArea(vae, shape, tiling);
  const { live, output } = widestConv(vae, area);
  const caches = decodeChunks(latentFrames(shape, vae)).length > 1 ? 3 : 2;
  return (
    ARENA * (live + output) +
    caches * decodeCacheElements(vae, area.height, area.width) +
    shape.numFrames * vae.outChannels * shape.height * shape.width
  );
}

/**
 * Elements that a rank holds which decodes `chunks` chunks of an area layer by layer: the widest convolution, and of each
 * chunk what goes into it, the two frames before that, and what the block adds at its end.
 */
export function cutDecodeActivations(
  vae: VaeConfig,
  shape: VideoShape,
  tiling: boolean,
  chunks: number,
): number {
  const area = decodedArea(vae, shape, tiling);
  const { live, input } = widestConv(vae, area);
  return ARENA * live + chunks * (2 + CACHED_FRAMES / area.frames) * input;
}

/** What is decoded at once. */
interface Area {
  /** Of the first chunk, the longest, as decoded. */
  readonly frames: number;
  readonly height: number;
  readonly width: number;
}

function decodedArea(vae: VaeConfig, shape: VideoShape, tiling: boolean): Area {
  const [{ to }] = decodeChunks(latentFrames(shape, vae)) as readonly [FrameRange];
  return {
    frames: chunkDecodedFrames(to, vae.temporalCompressionRatio),
    height: tiling ? Math.min(shape.height, vae.sampleHeight / 2) : shape.height,
    width: tiling ? Math.min(shape.width, vae.sampleWidth / 2) : shape.width,
  };
}

/**
 * The first convolution of the last block, F' C H W to F' C' H W. Live with its input and the two frames before it: one tap
 * of that and the tap's blocked copy, the tap before, convolved, and the four maps of the norms to come, which have the
 * latents' rows.
 */
function widestConv(vae: VaeConfig, { frames, height, width }: Area) {
  const [last, before = last] = vae.blockOutChannels as readonly [number, ...number[]];
  const input = frames * before * height * width;
  const output = frames * last * height * width;
  const maps = 4 / 2 ** (vae.blockOutChannels.length - 1);
  return { input, output, live: (3 + CACHED_FRAMES / frames) * input + (1 + maps) * output };
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
