// The least that decoding a chunk must compute, as diffusers computes it: its convolutions over 3 x 3 x 3 and 3 x 3.
// T frames, C channels, H W rows and columns.
import {
  decoderChain,
  type Graph,
  GraphBuilder,
  type VaeConfig,
  type Value,
  type Weights,
} from "@cogfleet/model";

/** A chunk of latents; the number of frames is even. */
export interface ChunkSize {
  readonly frames: number;
  readonly height: number;
  readonly width: number;
}

interface Convolution {
  readonly name: string;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: readonly number[];
  /** [T, H, W] that come out. */
  readonly out: readonly [number, number, number];
}

function convolutions(config: VaeConfig, size: ChunkSize): readonly Convolution[] {
  const timeLevels = Math.log2(config.temporalCompressionRatio);
  const outAt = (level: number): Convolution["out"] => [
    size.frames * 2 ** Math.min(level, timeLevels),
    size.height * 2 ** level,
    size.width * 2 ** level,
  ];
  const causal = decoderChain(config).convs.map(({ name, inChannels, outChannels, level }) => ({
    name: `${name}.conv`,
    inChannels,
    outChannels,
    kernel: [3, 3, 3],
    out: outAt(level),
  }));
  const widths = config.blockOutChannels.toReversed().slice(0, -1);
  const upsamplers = widths.map((channels, level) => ({
    name: `decoder.up_blocks.${level}.upsamplers.0.conv`,
    inChannels: channels,
    outChannels: channels,
    kernel: [3, 3],
    out: outAt(level + 1),
  }));
  return [...causal, ...upsamplers];
}

/**
 * Those convolutions one after the other, each on as many frames as in the decoder, with the checkpoint's own weights.
 * No norm, activation, padding in time, resize or residual is in it. Input: value float32 [1]. Output: a few numbers, so
 * that nothing is left out as unused.
 */
export function chunkArithmeticGraph(config: VaeConfig, weights: Weights, size: ChunkSize): Graph {
  const g = new GraphBuilder("vae-arithmetic", "fp32");
  const value = g.input("value", [1]);
  const known = new Map<string, Value>();
  const filled = (dims: readonly number[]): Value => {
    const tensor = known.get(dims.join()) ?? g.node("Expand", [value, g.ints(dims)]);
    known.set(dims.join(), tensor);
    return tensor;
  };
  const kept = convolutions(config, size).map(({ name, inChannels, outChannels, kernel, out: [T, H, W] }) => {
    const isCausal = kernel.length === 3;
    const x = filled(isCausal ? [1, inChannels, T + 2, H, W] : [T, inChannels, H, W]);
    const weight = g.weight(weights.get(`${name}.weight`, [outChannels, inChannels, ...kernel]));
    const pads = isCausal ? [0, 1, 1, 0, 1, 1] : [1, 1, 1, 1];
    const y = g.node("Conv", [x, weight], { kernel_shape: kernel, pads });
    const row = g.node("Reshape", [y, g.ints([-1])]);
    return g.node("Slice", [row, g.ints([0]), g.ints([1]), g.ints([0])]);
  });
  g.output("kept", g.node("Concat", kept, { axis: 0 }), [kept.length]);
  return g.build();
}

/** Floating-point operations of those convolutions. */
export function chunkFlops(config: VaeConfig, size: ChunkSize): number {
  const product = (values: readonly number[]): number => values.reduce((all, value) => all * value, 1);
  return convolutions(config, size).reduce(
    (sum, { inChannels, outChannels, kernel, out }) =>
      sum + 2 * inChannels * outChannels * product(kernel) * product(out),
    0,
  );
}
