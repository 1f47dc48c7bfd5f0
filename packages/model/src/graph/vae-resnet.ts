import type { Value } from "./graph-builder.js";
import { type LayerContext, silu } from "./layers.js";
import type { Link, Live } from "./vae-chain.js";
import { conv2d, grouped, ungrouped } from "./vae-layers.js";

export interface ResnetShape {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly groups: number;
  readonly level: number;
}

/** How the half normalises x, of `channels`. */
export type Normalise<Context> = (context: Context, name: string, x: Value, channels: number) => Value;

/** CogVideoXResnetBlock3D: norm, SiLU, convolution, twice; plus what came in, through a 1 x 1 x 1 convolution where the channels change. */
export function resnet<Context extends LayerContext>(
  name: string,
  { inChannels, outChannels, groups, level }: ResnetShape,
  normalise: Normalise<Context>,
): readonly Link<Context>[] {
  const activated = (context: Context, norm: string, x: Value, channels: number): Value =>
    silu(context.g, normalise(context, `${name}.${norm}`, x, channels));
  const shortcut = (context: Context, skip: Value): Value =>
    inChannels === outChannels
      ? skip
      : conv2d(context, `${name}.conv_shortcut`, skip, {
          inChannels,
          outChannels,
          kernel: 1,
          storedDims: [outChannels, inChannels, 1, 1, 1],
        });
  return [
    {
      kind: "chunk",
      name: `${name}.norm1`,
      apply: (context, { x }) => ({ x: activated(context, "norm1", x, inChannels), skip: x }),
    },
    { kind: "conv", name: `${name}.conv1`, inChannels, outChannels, level, skipChannels: inChannels },
    {
      kind: "chunk",
      name: `${name}.norm2`,
      leavesSkip: true,
      apply: (context, live) => ({ ...live, x: activated(context, "norm2", live.x, outChannels) }),
    },
    {
      kind: "conv",
      name: `${name}.conv2`,
      inChannels: outChannels,
      outChannels,
      level,
      skipChannels: inChannels,
    },
    {
      kind: "chunk",
      name: `${name}.sum`,
      apply(context, live) {
        const sides = [live.x, shortcut(context, skipOf(live))].map((side) =>
          grouped(context.g, side, groups),
        );
        return { x: ungrouped(context.g, context.g.node("Add", sides), outChannels) };
      },
    },
  ];
}

/** The last links of a half: norm, SiLU, convolution. */
export function convOut<Context extends LayerContext>(
  name: string,
  { inChannels, outChannels, level }: Omit<ResnetShape, "groups">,
  normalise: Normalise<Context>,
): readonly Link<Context>[] {
  return [
    {
      kind: "chunk",
      name: `${name}.norm_out`,
      apply: (context, { x }) => ({
        x: silu(context.g, normalise(context, `${name}.norm_out`, x, inChannels)),
      }),
    },
    { kind: "conv", name: `${name}.conv_out`, inChannels, outChannels, level },
  ];
}

function skipOf({ skip }: Live): Value {
  if (skip === undefined) throw new RangeError("a resnet block ends without what came in");
  return skip;
}
