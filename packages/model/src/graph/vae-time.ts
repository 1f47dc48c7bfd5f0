// Doubling and halving the frames of a chunk. The first frame of an odd number stands alone: it is neither doubled nor
// averaged (diffusers, models/upsampling.py CogVideoXUpsample3D, models/downsampling.py CogVideoXDownsample3D).
// The number of frames is read inside the graph, so that one graph serves chunks of every length.
import type { GraphBuilder, Value } from "./graph-builder.js";

/** [T, ...] to [2T, ...], or [2T - 1, ...] for an odd T: every frame twice, save the first of an odd number. */
export function doubleFrames(g: GraphBuilder, x: Value): Value {
  const { count, odd } = frameCount(g, x);
  const doubled = g.node("Sub", [g.node("Mul", [count, g.ints([2])]), odd]);
  const index = g.node("Div", [g.node("Add", [upTo(g, doubled), odd]), g.ints([2])]);
  return g.node("Gather", [x, index]);
}

/** [T, ...] to [ceil(T / 2), ...]: pairs averaged, the first of an odd number kept. */
export function halveFrames(g: GraphBuilder, x: Value): Value {
  const { count, odd } = frameCount(g, x);
  const halved = g.node("Div", [g.node("Add", [count, odd]), g.ints([2])]);
  const even = g.node("Mul", [upTo(g, halved), g.ints([2])]);
  const second = g.node("Add", [even, g.node("Sub", [g.ints([1]), odd])]);
  const first = g.node("Max", [g.node("Sub", [second, g.ints([1])]), g.ints([0])]);
  // A frame that is its own partner comes out as it was: (a + a) / 2.
  const sum = g.node("Add", [g.node("Gather", [x, first]), g.node("Gather", [x, second])]);
  return g.node("Mul", [sum, g.scalar(0.5)]);
}

function frameCount(g: GraphBuilder, x: Value): { readonly count: Value; readonly odd: Value } {
  const count = g.node("Shape", [x], { start: 0, end: 1 });
  return { count, odd: g.node("Mod", [count, g.ints([2])]) };
}

/** 0, 1, ... count - 1. */
function upTo(g: GraphBuilder, count: Value): Value {
  const scalar = (value: Value): Value => g.node("Squeeze", [value]);
  return g.node("Range", [scalar(g.ints([0])), scalar(count), scalar(g.ints([1]))]);
}
