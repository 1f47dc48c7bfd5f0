// The normalisations of the VAE. Statistics are over the chunk's own frames, as in diffusers: chunks change the numbers.
// T frames, C channels, H W rows and columns, G groups, Z latent channels. Computed in float32 in every precision.
import type { GraphBuilder, Value } from "./graph-builder.js";
import type { LayerContext } from "./layers.js";
import { float32, grouped, ungrouped } from "./vae-layers.js";

export interface NormShape {
  readonly channels: number;
  readonly groups: number;
  readonly epsilon: number;
}

/** nn.GroupNorm of x [T, C, H, W]. */
export function groupNorm(m: LayerContext, name: string, x: Value, shape: NormShape): Value {
  const { g, weights } = m;
  const { channels, groups } = shape;
  const { centred, inverseStd } = centre(g, x, shape);
  const gamma = g.weight(weights.get(`${name}.weight`, [channels]), [1, groups, channels / groups, 1]);
  const beta = g.weight(weights.get(`${name}.bias`, [channels]), [1, channels, 1, 1]);
  const scale = perChannel(g, g.node("Mul", [float32(g, gamma), inverseStd]), channels);
  const scaled = g.node("Mul", [ungrouped(g, centred, channels), scale]);
  return compute(g, g.node("Add", [scaled, float32(g, beta)]));
}

/** What a spatial norm mixes in. */
export interface Conditioning {
  /** The chunk's latents with the frames and columns of `level`, and their own rows: [T, Z, h, W]. */
  at(level: number): Value;
  readonly channels: number;
}

/**
 * CogVideoXSpatialNorm3D: GroupNorm(x) * conv_y(z) + conv_b(z), z resized to x by nearest. The 1 x 1 x 1 convolutions
 * see one pixel each, so they are computed before z is resized along the rows, 2^level times as quick, and what the
 * norm scales and adds is folded into their weights (once, at load).
 */
export function spatialNorm(
  m: LayerContext,
  name: string,
  x: Value,
  shape: NormShape,
  z: Conditioning,
  level: number,
): Value {
  const { g, weights } = m;
  const { channels, groups } = shape;
  const gamma = g.weight(weights.get(`${name}.norm_layer.weight`, [channels]));
  const beta = g.weight(weights.get(`${name}.norm_layer.bias`, [channels]));
  const weightOf = (conv: string): Value =>
    g.weight(weights.get(`${name}.${conv}.conv.weight`, [channels, z.channels, 1, 1, 1]), [
      channels,
      z.channels,
    ]);
  const biasOf = (conv: string): Value => g.weight(weights.get(`${name}.${conv}.conv.bias`, [channels]));
  const rowsOf = (vector: Value): Value => g.node("Reshape", [vector, g.ints([channels, 1])]);
  const mixed = (weight: Value, bias: Value): Value => {
    const kernel = g.node("Reshape", [weight, g.ints([channels, z.channels, 1, 1])]);
    return float32(g, g.node("Conv", [z.at(level), kernel, bias], { kernel_shape: [1, 1] })); // [T, C, h, W]
  };

  // (n * gamma + beta) * y + b  =  n * (gamma * y) + (beta * y + b)
  const scale = mixed(
    g.node("Mul", [weightOf("conv_y"), rowsOf(gamma)]),
    g.node("Mul", [biasOf("conv_y"), gamma]),
  );
  const shift = mixed(
    g.node("Add", [g.node("Mul", [weightOf("conv_y"), rowsOf(beta)]), weightOf("conv_b")]),
    g.node("Add", [g.node("Mul", [biasOf("conv_y"), beta]), biasOf("conv_b")]),
  );
  const { centred, inverseStd } = centre(g, x, shape);
  const std = g.node("Expand", [inverseStd, g.ints([1, groups, channels / groups, 1])]);
  const normScale = g.node("Mul", [scale, perChannel(g, std, channels)]);

  // Every row of z meets 2^level rows of x: [T, C * h, 2^level, W] with [T, C * h, 1, W].
  const split = (value: Value, rows: number): Value => g.node("Reshape", [value, g.ints([0, -1, rows, 0])]);
  const scaled = g.node("Mul", [split(centred, 2 ** level), split(normScale, 1)]);
  const shifted = g.node("Add", [scaled, split(shift, 1)]);
  return compute(g, ungrouped(g, shifted, channels));
}

/** x less its group's mean [T, G, C/G * H, W], and one over the group's deviation [1, G, 1, 1]; both float32. */
function centre(
  g: GraphBuilder,
  x: Value,
  { groups, epsilon }: NormShape,
): { readonly centred: Value; readonly inverseStd: Value } {
  const mean = (value: Value): Value => g.node("ReduceMean", [value, g.ints([0, 2, 3])], { keepdims: 1 });
  const view = grouped(g, float32(g, x), groups);
  const centred = g.node("Sub", [view, mean(view)]);
  // From the centred values: the mean of squares less the squared mean would lose digits where a group's mean is large.
  const variance = mean(g.node("Mul", [centred, centred]));
  const std = g.node("Sqrt", [g.node("Add", [variance, g.scalar(epsilon, "float32")])]);
  return { centred, inverseStd: g.node("Reciprocal", [std]) };
}

/** [1, G, C/G, 1] to [1, C, 1, 1]. */
function perChannel(g: GraphBuilder, value: Value, channels: number): Value {
  return g.node("Reshape", [value, g.ints([1, channels, 1, 1])]);
}

function compute(g: GraphBuilder, value: Value): Value {
  return g.computeType === "float32" ? value : g.cast(value, g.computeType);
}
