// T5 v1.1 encoder without a mask. B batch, L tokens, N heads, M d_model.
// Source: transformers, models/t5/modeling_t5.py (T5EncoderModel).
import type { T5Config } from "../checkpoint/configs.js";
import type { Weights } from "../checkpoint/weights.js";
import type { Graph, Precision } from "../session.js";
import { GraphBuilder, type Value } from "./graph-builder.js";
import { flatten, geluTanh, type LayerContext, linear, MICROSOFT } from "./layers.js";

interface T5Context extends LayerContext {
  readonly config: T5Config;
}

const EMBEDDING = "shared.weight";
const EMBEDDING_COPY = "encoder.embed_tokens.weight"; // some files hold the same table under this name, or both

/**
 * Inputs: input_ids int32 [B, L], buckets int32 [L, L] (text/relative-buckets.ts). Output: last_hidden_state float32
 * [B, L, M]. The residual stream is float32 in every precision: T5-XXL's leaves float16's range.
 */
export function t5Graph(config: T5Config, weights: Weights, precision: Precision): Graph {
  const g = new GraphBuilder("text_encoder", precision);
  const m: T5Context = { g, weights, config };
  let x = embeddings(m, g.input("input_ids", ["B", "L"], "int32"));
  const bias = positionBias(m, g.input("buckets", ["L", "L"], "int32"));
  const batch = g.node("Shape", [x], { start: 0, end: 1 });
  const inner = config.numHeads * config.dKv;
  const heads = g.node("Concat", [batch, g.ints([-1, inner])], { axis: 0 });
  const stream = g.node("Concat", [batch, g.ints([-1, config.dModel])], { axis: 0 });
  for (let layer = 0; layer < config.numLayers; layer++) {
    const block = `encoder.block.${layer}.layer`;
    x = g.in(`${block}.0`, () => selfAttention(m, `${block}.0`, x, bias, { heads, stream }));
    x = g.in(`${block}.1`, () => feedForward(m, `${block}.1`, x, stream));
  }
  const hidden = rmsNorm(m, "encoder.final_layer_norm", x);
  g.output("last_hidden_state", g.cast(hidden, "float32"), ["B", "L", config.dModel], "float32");
  weights.requireAllUsed((name) => name === EMBEDDING_COPY);
  return g.build();
}

/** Rows are gathered in the type stored, then cast: T5-XXL's table has 132 million values. */
function embeddings({ g, weights, config }: T5Context, ids: Value): Value {
  const name = weights.has(EMBEDDING) ? EMBEDDING : EMBEDDING_COPY;
  const table = weights.get(weights.has(name) ? name : EMBEDDING, [config.vocabSize, config.dModel]);
  return toFloat32(g, g.node("Gather", [g.storedWeight(table), ids], { axis: 0 }), table.type);
}

/** [1, N, L, L], from the weight of the first layer, for every layer. */
function positionBias({ g, weights, config }: T5Context, buckets: Value): Value {
  const name = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight";
  const table = g.weight(weights.get(name, [config.relativeAttentionNumBuckets, config.numHeads]));
  const gathered = g.node("Gather", [table, buckets], { axis: 0 }); // [L, L, N]
  const perHead = g.node("Transpose", [gathered], { perm: [2, 0, 1] });
  return g.node("Unsqueeze", [perHead, g.ints([0])]);
}

/** x / sqrt(mean(x^2) + eps) * weight, in float32; the result is in the type computed in. */
function rmsNorm({ g, weights, config }: T5Context, name: string, x: Value): Value {
  const ref = weights.get(`${name}.weight`, [config.dModel]);
  const weight = toFloat32(g, g.storedWeight(ref), ref.type);
  const epsilon = { float: config.layerNormEpsilon };
  const normed = g.node("SimplifiedLayerNormalization", [x, weight], { axis: -1, epsilon });
  return g.computeType === "float32" ? normed : g.cast(normed, g.computeType);
}

function selfAttention(
  m: T5Context,
  name: string,
  x: Value,
  bias: Value,
  shapes: { readonly heads: Value; readonly stream: Value },
): Value {
  const { g, config } = m;
  const inner = config.numHeads * config.dKv;
  const rows = flatten(g, rmsNorm(m, `${name}.layer_norm`, x), config.dModel);
  const project = (weight: string): Value => {
    const projected = linear(m, `${name}.SelfAttention.${weight}`, rows, {
      inDim: config.dModel,
      outDim: inner,
      bias: false,
    });
    return g.node("Reshape", [projected, shapes.heads]);
  };
  const inputs = [project("q"), project("k"), project("v"), undefined, undefined, bias];
  const attributes = { num_heads: config.numHeads, scale: { float: 1 } };
  const attended = g.node("MultiHeadAttention", inputs, attributes, MICROSOFT);
  const out = linear(m, `${name}.SelfAttention.o`, flatten(g, attended, inner), {
    inDim: inner,
    outDim: config.dModel,
    bias: false,
  });
  return residual(g, x, out, shapes.stream);
}

/** gelu_new(wi_0 x) * (wi_1 x), then wo. */
function feedForward(m: T5Context, name: string, x: Value, stream: Value): Value {
  const { g, weights, config } = m;
  const { dModel, dFf } = config;
  const dense = `${name}.DenseReluDense`;
  const rows = flatten(g, rmsNorm(m, `${name}.layer_norm`, x), dModel);
  const wide = { inDim: dModel, outDim: dFf, bias: false };
  const gate = geluTanh(g, linear(m, `${dense}.wi_0`, rows, wide));
  const hidden = g.node("Mul", [gate, linear(m, `${dense}.wi_1`, rows, wide)]);
  if (g.computeType !== "float16")
    return residual(
      g,
      x,
      linear(m, `${dense}.wo`, hidden, { inDim: dFf, outDim: dModel, bias: false }),
      stream,
    );
  // transformers keeps wo in float32 when the rest is float16 (_keep_in_fp32_modules): its output overflows.
  const ref = weights.get(`${dense}.wo.weight`, [dModel, dFf]);
  const weight = toFloat32(g, g.storedWeight(ref), ref.type);
  const out = g.node("Gemm", [g.cast(hidden, "float32"), weight], { transB: 1 });
  return g.node("Add", [x, g.node("Reshape", [out, stream])]);
}

function residual(g: GraphBuilder, x: Value, rows: Value, stream: Value): Value {
  return g.node("Add", [x, toFloat32(g, g.node("Reshape", [rows, stream]), g.computeType)]);
}

function toFloat32(g: GraphBuilder, value: Value, type: string): Value {
  return type === "float32" ? value : g.cast(value, "float32");
}
