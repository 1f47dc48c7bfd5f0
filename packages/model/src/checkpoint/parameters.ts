// How many numbers each component holds, from its config alone.
import type { T5Config, TransformerConfig, VaeConfig } from "./configs.js";

const linear = (from: number, to: number): number => from * to + to;
const norm = (channels: number): number => 2 * channels;
const conv = (from: number, to: number, kernel: number): number => kernel * from * to + to;

const KERNEL_3D = 27;
const KERNEL_2D = 9;

/** CogVideoXTransformer3DModel, stored learned positions included. */
export function transformerParameters(config: TransformerConfig): number {
  const D = config.numAttentionHeads * config.attentionHeadDim;
  const T = config.timeEmbedDim;
  const patch = config.patchSize ** 2 * (config.patchSizeT ?? 1);
  const attention = 4 * D * D + (config.attentionBias ? 3 * D : 0) + D + 2 * norm(config.attentionHeadDim);
  const block = 2 * (linear(T, 6 * D) + norm(D)) + attention + linear(D, 4 * D) + linear(4 * D, D);
  return (
    linear(config.inChannels * patch, D) +
    linear(config.textEmbedDim, D) +
    learnedPositions(config) * D +
    linear(D, T) +
    linear(T, T) +
    (config.ofsEmbedDim === null ? 0 : 2 * linear(config.ofsEmbedDim, config.ofsEmbedDim)) +
    config.numLayers * block +
    norm(D) +
    linear(T, 2 * D) +
    norm(D) +
    linear(D, patch * config.outChannels)
  );
}

function learnedPositions(config: TransformerConfig): number {
  if (!config.useLearnedPositionalEmbeddings) return 0;
  const side = (sample: number): number => Math.floor(sample / config.patchSize);
  const frames = Math.floor((config.sampleFrames - 1) / config.temporalCompressionRatio) + 1;
  return config.maxTextSeqLength + frames * side(config.sampleHeight) * side(config.sampleWidth);
}

/** AutoencoderKLCogVideoX: what encodes and what decodes. */
export function vaeParameters(config: VaeConfig): { readonly encoder: number; readonly decoder: number } {
  return { encoder: encoderParameters(config), decoder: decoderParameters(config) };
}

function resnet(from: number, to: number, normOf: (channels: number) => number): number {
  const shortcut = from === to ? 0 : conv(from, to, 1);
  return normOf(from) + conv(from, to, KERNEL_3D) + normOf(to) + conv(to, to, KERNEL_3D) + shortcut;
}

/** A run of blocks that go through `channels`, each of `layers` resnets, all but the last followed by a 2-D convolution. */
function blocks(channels: readonly number[], layers: number, normOf: (channels: number) => number): number {
  return channels.reduce((sum, to, i) => {
    const from = channels[i - 1] ?? to;
    const resample = i === channels.length - 1 ? 0 : conv(to, to, KERNEL_2D);
    return sum + resnet(from, to, normOf) + (layers - 1) * resnet(to, to, normOf) + resample;
  }, 0);
}

function encoderParameters(config: VaeConfig): number {
  const channels = config.blockOutChannels;
  const first = channels[0] as number;
  const last = channels.at(-1) as number;
  return (
    conv(config.inChannels, first, KERNEL_3D) +
    blocks(channels, config.layersPerBlock, norm) +
    2 * resnet(last, last, norm) +
    norm(last) +
    conv(last, 2 * config.latentChannels, KERNEL_3D)
  );
}

function decoderParameters(config: VaeConfig): number {
  const channels = config.blockOutChannels.toReversed();
  const first = channels[0] as number;
  const last = channels.at(-1) as number;
  const spatialNorm = (c: number): number => norm(c) + 2 * conv(config.latentChannels, c, 1);
  return (
    conv(config.latentChannels, first, KERNEL_3D) +
    2 * resnet(first, first, spatialNorm) +
    blocks(channels, config.layersPerBlock + 1, spatialNorm) +
    spatialNorm(last) +
    conv(last, config.outChannels, KERNEL_3D)
  );
}

/** T5EncoderModel. */
export function t5Parameters(config: T5Config): number {
  const { dModel, dFf, numHeads } = config;
  const block = 4 * dModel * numHeads * config.dKv + 3 * dModel * dFf + 2 * dModel;
  return (
    config.vocabSize * dModel +
    config.relativeAttentionNumBuckets * numHeads +
    config.numLayers * block +
    dModel
  );
}
