// CogVideoXDecoder3D (diffusers, models/autoencoders/autoencoder_kl_cogvideox.py) as a chain of links.
// T frames, Z latent channels, h w rows and columns of the latents; level l has 2^l times as many of both.
import type { VaeConfig } from "../checkpoint/configs.js";
import { chunkDecodedFrames, decodeChunks } from "../latents/chunks.js";
import type { GraphBuilder, Value } from "./graph-builder.js";
import type { LayerContext } from "./layers.js";
import { type Chain, causalConvs, type Link } from "./vae-chain.js";
import { conv2d } from "./vae-layers.js";
import { type Conditioning, spatialNorm } from "./vae-norms.js";
import { convOut, type Normalise, resnet } from "./vae-resnet.js";
import { doubleFrames } from "./vae-time.js";

export interface DecoderContext extends LayerContext {
  readonly z: Conditioning;
}

const EPSILON = 1e-6; // of CogVideoXSpatialNorm3D: it does not read norm_eps
const MID_RESNETS = 2;

/** The decoder: latents [T, Z, h, w] to sample [T', C, 8h, 8w], in about [-1, 1]. */
export function decoderChain(config: VaeConfig): Chain<DecoderContext> {
  const { latentChannels, outChannels, layersPerBlock, normNumGroups: groups } = config;
  const channels = config.blockOutChannels.toReversed();
  const deepest = channels[0] as number; // configs have at least one block
  const timeLevels = Math.log2(config.temporalCompressionRatio);
  const block = (name: string, inChannels: number, outChannels: number, level: number) =>
    resnet(name, { inChannels, outChannels, groups, level }, normaliseAt(groups, level));

  const links: Link<DecoderContext>[] = [
    {
      kind: "conv",
      name: "decoder.conv_in",
      inChannels: latentChannels,
      outChannels: deepest,
      level: 0,
    },
  ];
  for (let i = 0; i < MID_RESNETS; i++)
    links.push(...block(`decoder.mid_block.resnets.${i}`, deepest, deepest, 0));
  let before = deepest;
  for (const [level, width] of channels.entries()) {
    for (let i = 0; i <= layersPerBlock; i++)
      links.push(...block(`decoder.up_blocks.${level}.resnets.${i}`, i === 0 ? before : width, width, level));
    if (level < channels.length - 1)
      links.push(upsample(`decoder.up_blocks.${level}.upsamplers.0`, width, level < timeLevels));
    before = width;
  }
  const last = channels.length - 1;
  links.push(
    ...convOut("decoder", { inChannels: before, outChannels, level: last }, normaliseAt(groups, last)),
  );
  return {
    name: "vae.decoder",
    links,
    convs: causalConvs(links),
    input: { name: "latents", channels: latentChannels },
    output: { name: "sample", channels: outChannels, level: last },
    context: (m, latents) => ({ ...m, z: conditioning(m.g, latents, latentChannels, timeLevels) }),
    sizeAt: (level, size) => size * 2 ** level,
    chunks: decodeChunks,
    framesOut: (frames) => chunkDecodedFrames(frames, config.temporalCompressionRatio),
  };
}

function normaliseAt(groups: number, level: number): Normalise<DecoderContext> {
  return (context, name, x, channels) =>
    spatialNorm(context, name, x, { channels, groups, epsilon: EPSILON }, context.z, level);
}

/**
 * CogVideoXUpsample3D: twice the rows and columns, then a convolution of each frame, then (here: frames that are
 * doubled are equal, so the convolution sees each once) twice the frames.
 */
function upsample(name: string, channels: number, doublesTime: boolean): Link<DecoderContext> {
  return {
    kind: "chunk",
    name,
    apply(m, { x }) {
      const shape = { inChannels: channels, outChannels: channels, kernel: 3, pads: [1, 1, 1, 1] } as const;
      const wide = conv2d(m, `${name}.conv`, enlarge(m.g, x, 2, 2), shape);
      return { x: doublesTime ? doubleFrames(m.g, wide) : wide };
    },
  };
}

/** Nearest: every row `rows` times, every column `columns` times. */
function enlarge(g: GraphBuilder, x: Value, rows: number, columns: number): Value {
  return g.node("Resize", [x, undefined, g.floats([1, 1, rows, columns], [4], "float32")], {
    mode: "nearest",
    nearest_mode: "floor",
    coordinate_transformation_mode: "asymmetric",
  });
}

/** The latents at each level, made when a norm first asks for them. */
function conditioning(
  g: GraphBuilder,
  latents: () => Value,
  channels: number,
  timeLevels: number,
): Conditioning {
  const inTime: Value[] = []; // by level: with the frames of the level, still [T, Z, h, w]
  const known: Value[] = [];
  const atTime = (level: number): Value => {
    if (level === 0) return latents();
    if (level > timeLevels) return atTime(timeLevels);
    inTime[level] ??= doubleFrames(g, atTime(level - 1));
    return inTime[level];
  };
  return {
    channels,
    at(level) {
      known[level] ??= level === 0 ? latents() : enlarge(g, atTime(level), 1, 2 ** level);
      return known[level];
    },
  };
}
