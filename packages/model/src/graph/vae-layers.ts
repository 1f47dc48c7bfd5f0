// Layers of AutoencoderKLCogVideoX as ONNX nodes (diffusers, models/autoencoders/autoencoder_kl_cogvideox.py).
// T frames of a chunk, C channels, H W rows and columns, G groups. Activations are [T, C, H, W]: frames are the batch
// of 2-D operators, which ONNX Runtime computes faster than 3-D ones (docs/log.md), and the frames that a causal
// convolution needs from the chunk before lie in one piece.
import type { GraphBuilder, Value } from "./graph-builder.js";
import type { LayerContext } from "./layers.js";

/** A causal convolution over 3 frames and 3 x 3 pixels: it reads the 2 frames before the chunk's first. */
export interface CausalConv {
  /** In the state dict, up to `.conv.weight`. */
  readonly name: string;
  readonly inChannels: number;
  readonly outChannels: number;
  /** How often height and width have been doubled, or halved, since the chunk came in. */
  readonly level: number;
}

const TAPS = 3; // frames that one output frame sees

/** Frames that a chunk hands to the next one at each causal convolution. */
export const CACHED_FRAMES = TAPS - 1;

/** Names of the graph's ports for the frames before this chunk, and for those that the next chunk needs. */
export const cachePorts = (name: string): { readonly before: string; readonly after: string } => ({
  before: `cache.${name}`,
  after: `next.${name}`,
});

/** The dimensions of a port at a level of the half; equal names are equal sizes. */
export function portDims(
  frames: number | string,
  channels: number,
  level: number,
): readonly (number | string)[] {
  return [frames, channels, `height_${level}`, `width_${level}`];
}

/** Frames that go from chunk to chunk at a causal convolution, in the type computed in. */
export interface FrameCache {
  /** The 2 frames before the chunk's first, or none before the first chunk. */
  before(conv: CausalConv): Value;
  /** Takes those that the next chunk needs; left out where nobody does. */
  readonly after?: ((conv: CausalConv, last: Value) => void) | undefined;
}

/** Frames that come in by ports of the graph. */
export function portBefore(g: GraphBuilder, { name, inChannels, level }: CausalConv): Value {
  return floatInput(g, cachePorts(name).before, portDims("cached", inChannels, level));
}

/** Frames that go out by ports of the graph. */
export function portAfter(g: GraphBuilder, { name, inChannels, level }: CausalConv, last: Value): void {
  floatOutput(g, cachePorts(name).after, last, portDims(CACHED_FRAMES, inChannels, level));
}

/**
 * CogVideoXCausalConv3d with kernel 3, as the sum of three 2-D convolutions of frames. Before the first chunk no frames
 * are cached: its first frame then stands there twice.
 */
export function causalConv(m: LayerContext, conv: CausalConv, x: Value, frameCache: FrameCache): Value {
  const { g, weights } = m;
  const { name, inChannels, outChannels } = conv;
  const cache = frameCache.before(conv);
  const cached = g.node("Shape", [cache], { start: 0, end: 1 });
  const missing = g.node("Slice", [g.ints([0, 0]), cached, g.ints([CACHED_FRAMES]), g.ints([0])]);
  const padded = g.node("Concat", [cache, g.node("Gather", [x, missing]), x], { axis: 0 }); // [2 + T, C, H, W]

  const weight = g.weight(weights.get(`${name}.conv.weight`, [outChannels, inChannels, TAPS, 3, 3]));
  const bias = g.weight(weights.get(`${name}.conv.bias`, [outChannels]));
  if (g.computeType !== "float32") {
    frameCache.after?.(conv, lastFrames(g, padded));
    return volumeConv(g, padded, weight, bias);
  }
  // One node gives what the first tap sees and what the next chunk needs: by itself, the latter would be taken after all
  // layers, and ONNX Runtime would keep the padded frames of every convolution until then (docs/log.md).
  const both = g.node("Shape", [padded], { start: 0, end: 1 });
  const lengths = g.node(
    "Concat",
    [g.node("Sub", [both, g.ints([CACHED_FRAMES])]), g.ints([CACHED_FRAMES])],
    { axis: 0 },
  );
  const [first, last] = g.nodes("Split", [padded, lengths], 2, { axis: 0 }) as [Value, Value];
  frameCache.after?.(conv, last);
  // ONNX Runtime takes the three taps of the weight apart at load.
  const taps = [first, frames(g, padded, 1, -1), x].map((seen, tap) => ({
    x: seen,
    weight: g.node("Gather", [weight, g.node("Squeeze", [g.ints([tap])])], { axis: 2 }),
  }));
  const attributes = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
  return taps
    .map((tap, i) => g.node("Conv", [tap.x, tap.weight, ...(i === 0 ? [bias] : [])], attributes))
    .reduce((sum, part) => g.node("Add", [sum, part]));
}

/**
 * One 3-D convolution of [2 + T, C, H, W]: three sums rounded to 16 bits would lose what it keeps in its float32
 * accumulators, and the frames side by side as channels are more values than CUDA kernels can index (docs/log.md).
 */
function volumeConv(g: GraphBuilder, padded: Value, weight: Value, bias: Value): Value {
  const swapped = (value: Value): Value => g.node("Transpose", [value], { perm: [1, 0, 2, 3] });
  const volume = g.node("Unsqueeze", [swapped(padded), g.ints([0])]); // [1, C, 2 + T, H, W]
  const attributes = { kernel_shape: [TAPS, 3, 3], pads: [0, 1, 1, 0, 1, 1] };
  const convolved = g.node("Conv", [volume, weight, bias], attributes);
  return swapped(g.node("Squeeze", [convolved, g.ints([0])]));
}

/** nn.Conv2d of every frame; `storedDims` where the file holds a 1 x 1 x 1 convolution. */
export function conv2d(
  { g, weights }: LayerContext,
  name: string,
  x: Value,
  shape: {
    readonly inChannels: number;
    readonly outChannels: number;
    readonly kernel: 1 | 3;
    readonly stride?: number;
    /** Top, left, bottom, right. */
    readonly pads?: readonly number[];
    readonly storedDims?: readonly number[];
  },
): Value {
  const { inChannels, outChannels, kernel, stride = 1, pads = [0, 0, 0, 0] } = shape;
  const dims = [outChannels, inChannels, kernel, kernel];
  const weight = g.weight(weights.get(`${name}.weight`, shape.storedDims ?? dims), dims);
  const bias = g.weight(weights.get(`${name}.bias`, [outChannels]));
  const attributes = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads };
  return g.node("Conv", [x, weight, bias], attributes);
}

/**
 * A view of [T, C, H, W] as [T, G, C/G * H, W]. What is computed in this view is out of reach for ONNX Runtime's
 * blocked convolution layout, so a graph that is cut anywhere adds in the same order as the whole one.
 */
export function grouped(g: GraphBuilder, x: Value, groups: number): Value {
  return g.node("Reshape", [x, g.ints([0, groups, -1, 0])]);
}

/** The way back from any view that keeps frames and columns. */
export function ungrouped(g: GraphBuilder, x: Value, channels: number): Value {
  return g.node("Reshape", [x, g.ints([0, channels, -1, 0])]);
}

/** The frames that stand before the next chunk: at most 2. */
export function lastFrames(g: GraphBuilder, x: Value): Value {
  return frames(g, x, -CACHED_FRAMES, LAST);
}

/** Frames `from` to `to` (not included; below 0 counts from the end). */
function frames(g: GraphBuilder, x: Value, from: number, to: number): Value {
  return g.node("Slice", [x, g.ints([from]), g.ints([to]), g.ints([0])]);
}

const LAST = 2 ** 31;

/** A float32 port, whatever is computed in. */
export function floatInput(g: GraphBuilder, name: string, dims: readonly (number | string)[]): Value {
  const port = g.input(name, dims, "float32");
  return g.computeType === "float32" ? port : g.cast(port, g.computeType);
}

export function floatOutput(
  g: GraphBuilder,
  name: string,
  value: Value,
  dims: readonly (number | string)[],
): void {
  g.output(name, float32(g, value), dims, "float32");
}

/** The value in float32: where 16 bits are too few. */
export function float32(g: GraphBuilder, value: Value): Value {
  return g.computeType === "float32" ? value : g.cast(value, "float32");
}
