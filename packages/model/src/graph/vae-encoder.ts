// CogVideoXEncoder3D (diffusers, models/autoencoders/autoencoder_kl_cogvideox.py) as a chain of links.
// T frames, C channels, H W rows and columns of the video; level l has 2^l times as few of both.
import type { VaeConfig } from "../checkpoint/configs.js";
import { chunkEncodedFrames, encodeChunks } from "../latents/chunks.js";
import type { LayerContext } from "./layers.js";
import { type Chain, causalConvs, type Link } from "./vae-chain.js";
import { conv2d } from "./vae-layers.js";
import { groupNorm } from "./vae-norms.js";
import { convOut, type Normalise, resnet } from "./vae-resnet.js";
import { halveFrames } from "./vae-time.js";

const OUT_EPSILON = 1e-6; // of the last norm: it does not read norm_eps
const MID_RESNETS = 2;

/** The encoder: frames [T, C, H, W] in [-1, 1] to moments [T', 2Z, H/8, W/8], mean then logvar before its clamp. */
export function encoderChain(config: VaeConfig): Chain<LayerContext> {
  const { inChannels, blockOutChannels, layersPerBlock, normNumGroups: groups } = config;
  const timeLevels = Math.log2(config.temporalCompressionRatio);
  const norm = normalise(groups, config.normEps);
  const first = blockOutChannels[0] as number; // configs have at least one block

  const links: Link<LayerContext>[] = [
    { kind: "conv", name: "encoder.conv_in", inChannels, outChannels: first, level: 0 },
  ];
  let before = first;
  for (const [level, width] of blockOutChannels.entries()) {
    for (let i = 0; i < layersPerBlock; i++) {
      const shape = { inChannels: i === 0 ? before : width, outChannels: width, groups, level };
      links.push(...resnet(`encoder.down_blocks.${level}.resnets.${i}`, shape, norm));
    }
    if (level < blockOutChannels.length - 1)
      links.push(downsample(`encoder.down_blocks.${level}.downsamplers.0`, width, level < timeLevels));
    before = width;
  }
  const level = blockOutChannels.length - 1;
  for (let i = 0; i < MID_RESNETS; i++) {
    const shape = { inChannels: before, outChannels: before, groups, level };
    links.push(...resnet(`encoder.mid_block.resnets.${i}`, shape, norm));
  }
  const moments = 2 * config.latentChannels;
  const outShape = { inChannels: before, outChannels: moments, level };
  links.push(...convOut("encoder", outShape, normalise(groups, OUT_EPSILON)));
  return {
    name: "vae.encoder",
    links,
    convs: causalConvs(links),
    input: { name: "frames", channels: inChannels },
    output: { name: "moments", channels: moments, level },
    context: (m) => m,
    sizeAt: (at, size) => Math.floor(size / 2 ** at),
    chunks: encodeChunks,
    framesOut: (frames) => chunkEncodedFrames(frames, config.temporalCompressionRatio),
  };
}

function normalise(groups: number, epsilon: number): Normalise<LayerContext> {
  return (m, name, x, channels) => groupNorm(m, name, x, { channels, groups, epsilon });
}

/** CogVideoXDownsample3D: half the frames, then half the rows and columns by a convolution padded right and below. */
function downsample(name: string, channels: number, halvesTime: boolean): Link<LayerContext> {
  return {
    kind: "chunk",
    name,
    apply(m, { x }) {
      const shape = { inChannels: channels, outChannels: channels, kernel: 3, stride: 2 } as const;
      const short = halvesTime ? halveFrames(m.g, x) : x;
      return { x: conv2d(m, `${name}.conv`, short, { ...shape, pads: [0, 0, 1, 1] }) };
    },
  };
}
