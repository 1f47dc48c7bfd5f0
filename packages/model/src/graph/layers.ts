// Layers that the transformer and T5 are made of, as ONNX nodes.
import type { Weights } from "../checkpoint/weights.js";
import type { GraphBuilder, Value } from "./graph-builder.js";

/** Domain of ONNX Runtime's own operators. */
export const MICROSOFT = "com.microsoft";

/** A graph that is being written, and the weights it takes. */
export interface LayerContext {
  readonly g: GraphBuilder;
  readonly weights: Weights;
}

export interface LinearShape {
  readonly inDim: number;
  readonly outDim: number;
  readonly bias: boolean;
  /** How the weight is stored, where that is not [outDim, inDim]: a convolution of patches. */
  readonly storedDims?: readonly number[];
}

/** nn.Linear of `rows` [N, inDim]: [N, outDim]. One Gemm, which ONNX Runtime packs the weight for. */
export function linear({ g, weights }: LayerContext, name: string, rows: Value, shape: LinearShape): Value {
  const { inDim, outDim, bias, storedDims = [outDim, inDim] } = shape;
  const inputs = [rows, g.weight(weights.get(`${name}.weight`, storedDims), [outDim, inDim])];
  if (bias) inputs.push(g.weight(weights.get(`${name}.bias`, [outDim])));
  return g.node("Gemm", inputs, { transB: 1 });
}

/** nn.LayerNorm over the last axis, [dim]. Statistics are float32 in every precision. */
export function layerNorm(
  { g, weights }: LayerContext,
  name: string,
  x: Value,
  dim: number,
  epsilon: number,
): Value {
  const scale = g.weight(weights.get(`${name}.weight`, [dim]));
  const bias = g.weight(weights.get(`${name}.bias`, [dim]));
  return g.node("LayerNormalization", [x, scale, bias], { axis: -1, epsilon: { float: epsilon } });
}

export function silu(g: GraphBuilder, x: Value): Value {
  return g.node("Mul", [x, g.node("Sigmoid", [x])]);
}

/** GELU by tanh, "gelu-approximate" and "gelu_new". */
export function geluTanh(g: GraphBuilder, x: Value): Value {
  return g.node("FastGelu", [x], {}, MICROSOFT);
}

/** Any shape to [N, dim]. */
export function flatten(g: GraphBuilder, x: Value, dim: number): Value {
  return g.node("Reshape", [x, g.ints([-1, dim])]);
}
