// CogVideoXTransformer3DModel in pieces: each function adds the nodes of one segment to a graph, so that the whole
// model is one graph on one rank, and several ranks may cut it wherever tokens are traded for heads.
// B batch, S_t text tokens, S_v video tokens, S = S_t + S_v, D = heads x head_dim, E time_embed_dim.
// Source: diffusers, models/transformers/cogvideox_transformer_3d.py, models/normalization.py, attention_processor.py.
import type { TransformerConfig } from "../checkpoint/configs.js";
import type { Value } from "./graph-builder.js";
import { flatten, geluTanh, type LayerContext, layerNorm, linear, MICROSOFT, silu } from "./layers.js";

export interface TransformerContext extends LayerContext {
  readonly config: TransformerConfig;
}

/** The residual streams: `text` [B, S_t, D] and `video` [B, S_v, D]. */
export interface Streams {
  readonly text: Value;
  readonly video: Value;
}

/** Shapes that differ from run to run, read off the inputs once. */
export interface Lengths {
  /** int64 [2]: S_t, S_v. */
  readonly split: Value;
  /** int64 [3]: B, -1, D. */
  readonly joint: Value;
}

/** float32 [S, head_dim / 2] each; absent where the model is not rotary. */
export interface Rotary {
  readonly cos: Value;
  readonly sin: Value;
}

/** What goes into attention, each [B, S, D]: columns are heads, head after head. */
export interface Attended {
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
}

/** Width of the residual streams. */
export function innerDim(config: TransformerConfig): number {
  return config.numAttentionHeads * config.attentionHeadDim;
}

export function lengths({ g, config }: TransformerContext, { text, video }: Streams): Lengths {
  const count = (x: Value): Value => g.node("Shape", [x], { start: 1, end: 2 });
  const batch = g.node("Shape", [video], { start: 0, end: 1 });
  return {
    split: g.node("Concat", [count(text), count(video)], { axis: 0 }),
    joint: g.node("Concat", [batch, g.ints([-1, innerDim(config)])], { axis: 0 }),
  };
}

/**
 * SiLU of the time embedding, [B, E]: what every modulation starts from. `time` [B, D] and `ofs` [1, E] are sinusoids
 * in the type computed in.
 */
export function timeEmbedding(m: TransformerContext, time: Value, ofs: Value | undefined): Value {
  const { g, config } = m;
  const outDim = config.timeEmbedDim;
  const perceptron = (name: string, x: Value, inDim: number): Value =>
    g.in(name, () => {
      const hidden = silu(g, linear(m, `${name}.linear_1`, x, { inDim, outDim, bias: true }));
      return linear(m, `${name}.linear_2`, hidden, { inDim: outDim, outDim, bias: true });
    });
  const embedded = perceptron("time_embedding", time, innerDim(config));
  if (ofs === undefined) return silu(g, embedded);
  return silu(g, g.node("Add", [embedded, perceptron("ofs_embedding", ofs, outDim)]));
}

/** Projects `video` [B, S_v, p_t * p * p * C] and `text` [B, S_t, text_embed_dim]: streams without positions. */
export function embed(m: TransformerContext, { text, video }: Streams): Streams {
  const { g, config } = m;
  const { patchSize: p, patchSizeT, inChannels, textEmbedDim } = config;
  const outDim = innerDim(config);
  const features = inChannels * (patchSizeT ?? 1) * p * p;
  // CogVideoX 1.0 stores a convolution; 1.5 a Linear, with a bias whatever patch_bias says.
  const conv = patchSizeT === null ? { storedDims: [outDim, inChannels, p, p] } : {};
  const project = (name: string, x: Value, inDim: number, stored: object): Value => {
    const batch = g.node("Shape", [x], { start: 0, end: 1 });
    const rows = linear(m, name, flatten(g, x, inDim), { inDim, outDim, bias: true, ...stored });
    return g.node("Reshape", [rows, g.node("Concat", [batch, g.ints([-1, outDim])], { axis: 0 })]);
  };
  return g.in("patch_embed", () => ({
    text: project("patch_embed.text_proj", text, textEmbedDim, {}),
    video: project("patch_embed.proj", video, features, conv),
  }));
}

/** The linear layer of an adaptive norm, in `count` chunks of [B, 1, D]. */
function modulation(m: TransformerContext, name: string, time: Value, count: number): Value[] {
  const { g, config } = m;
  const outDim = innerDim(config);
  const rows = linear(m, name, time, { inDim: config.timeEmbedDim, outDim: count * outDim, bias: true });
  const chunks = g.node("Reshape", [rows, g.ints([-1, 1, count * outDim])]);
  return g.nodes("Split", [chunks], count, { axis: 2, num_outputs: count });
}

/**
 * LayerNorm(x) * (1 + scale) + shift. Folding scale and shift into the norm's own weight and bias saves two passes over
 * x, but ONNX Runtime's norm with a scale for each of the batch takes longer than all three (docs/log.md).
 */
function modulatedNorm(m: TransformerContext, name: string, x: Value, shift: Value, scale: Value): Value {
  const { g, config } = m;
  const normed = layerNorm(m, name, x, innerDim(config), config.normEps);
  const factor = g.node("Add", [scale, g.scalar(1)]);
  return g.node("Add", [g.node("Mul", [normed, factor]), shift]);
}

/** CogVideoXLayerNormZero: the joint sequence as rows [B * S, D], and the gates of both streams [B, 1, D]. */
function layerNormZero(m: TransformerContext, name: string, x: Streams, time: Value) {
  const { g } = m;
  return g.in(name, () => {
    const [shift, scale, gate, textShift, textScale, textGate] = modulation(m, `${name}.linear`, time, 6) as [
      Value,
      Value,
      Value,
      Value,
      Value,
      Value,
    ];
    const text = modulatedNorm(m, `${name}.norm`, x.text, textShift, textScale);
    const video = modulatedNorm(m, `${name}.norm`, x.video, shift, scale);
    const joint = g.node("Concat", [text, video], { axis: 1 });
    return { rows: flatten(g, joint, innerDim(m.config)), gates: { text: textGate, video: gate } };
  });
}

/** Adds `rows` [B * S, D], gated, to the streams. */
function gatedResidual(m: TransformerContext, x: Streams, rows: Value, gates: Streams, n: Lengths): Streams {
  const { g } = m;
  const joint = g.node("Reshape", [rows, n.joint]);
  const [text, video] = g.nodes("Split", [joint, n.split], 2, { axis: 1 }) as [Value, Value];
  const add = (stream: Value, change: Value, gate: Value): Value =>
    g.node("Add", [stream, g.node("Mul", [change, gate])]);
  return { text: add(x.text, text, gates.text), video: add(x.video, video, gates.video) };
}

/** First segment of a layer, on a rank's own rows: modulated norm, q, k, v, their norms and rotation. */
export function beforeAttention(
  m: TransformerContext,
  layer: number,
  x: Streams,
  time: Value,
  rotary: Rotary | undefined,
  n: Lengths,
): { readonly attended: Attended; readonly gates: Streams } {
  const { g, config } = m;
  const { attentionHeadDim: headDim, attentionBias: bias } = config;
  const D = innerDim(config);
  const { rows, gates } = layerNormZero(m, `transformer_blocks.${layer}.norm1`, x, time);
  const attention = `transformer_blocks.${layer}.attn1`;
  const project = (name: string): Value =>
    linear(m, `${attention}.${name}`, rows, { inDim: D, outDim: D, bias });
  // LayerNorm over each head, eps 1e-6 whatever norm_eps says.
  const headNorm = (name: string, x: Value): Value =>
    g.node("Reshape", [layerNorm(m, `${attention}.${name}`, flatten(g, x, headDim), headDim, 1e-6), n.joint]);
  return g.in(attention, () => {
    const q = rotate(m, headNorm("norm_q", project("to_q")), rotary);
    const k = rotate(m, headNorm("norm_k", project("to_k")), rotary);
    const v = g.node("Reshape", [project("to_v"), n.joint]);
    return { attended: { q, k, v }, gates };
  });
}

/** Rotates adjacent pairs, in float32 as diffusers does in every precision. */
function rotate({ g, config }: TransformerContext, x: Value, rotary: Rotary | undefined): Value {
  if (rotary === undefined) return x;
  const wide = g.computeType === "float32" ? x : g.cast(x, "float32");
  const rotated = g.node(
    "RotaryEmbedding",
    [wide, g.ints([0]), rotary.cos, rotary.sin],
    { interleaved: 1, num_heads: config.numAttentionHeads },
    MICROSOFT,
  );
  return g.computeType === "float32" ? rotated : g.cast(rotated, g.computeType);
}

/** Middle segment: all rows of `heads` heads. Softmax of q k^T / sqrt(head_dim), without a mask. [B, S, heads * head_dim]. */
export function attend({ g, config }: TransformerContext, { q, k, v }: Attended, heads: number): Value {
  const scale = { float: 1 / Math.sqrt(config.attentionHeadDim) };
  return g.node("MultiHeadAttention", [q, k, v], { num_heads: heads, scale }, MICROSOFT);
}

/** Last segment, on own rows: output projection of `attention` [B, S, D], gate, feed-forward. */
export function afterAttention(
  m: TransformerContext,
  layer: number,
  x: Streams,
  attention: Value,
  gates: Streams,
  time: Value,
  n: Lengths,
): Streams {
  const { g, config } = m;
  const D = innerDim(config);
  const block = `transformer_blocks.${layer}`;
  const attended = g.in(`${block}.attn1`, () => {
    const rows = linear(m, `${block}.attn1.to_out.0`, flatten(g, attention, D), {
      inDim: D,
      outDim: D,
      bias: true,
    });
    return gatedResidual(m, x, rows, gates, n);
  });
  const ff = layerNormZero(m, `${block}.norm2`, attended, time);
  return g.in(`${block}.ff`, () => {
    const hidden = linear(m, `${block}.ff.net.0.proj`, ff.rows, { inDim: D, outDim: 4 * D, bias: true });
    const rows = linear(m, `${block}.ff.net.2`, geluTanh(g, hidden), { inDim: 4 * D, outDim: D, bias: true });
    return gatedResidual(m, attended, rows, ff.gates, n);
  });
}

/** After the last layer: token rows [B, S_v, p_t * p * p * C_out] of `video`, in the type computed in. */
export function head(m: TransformerContext, video: Value, time: Value): Value {
  const { g, config } = m;
  const D = innerDim(config);
  const outDim = config.outChannels * (config.patchSizeT ?? 1) * config.patchSize ** 2;
  const final = layerNorm(m, "norm_final", video, D, config.normEps);
  const normed = g.in("norm_out", () => {
    const [shift, scale] = modulation(m, "norm_out.linear", time, 2) as [Value, Value];
    return modulatedNorm(m, "norm_out.norm", final, shift, scale);
  });
  const rows = linear(m, "proj_out", flatten(g, normed, D), { inDim: D, outDim, bias: true });
  const batch = g.node("Shape", [video], { start: 0, end: 1 });
  return g.node("Reshape", [rows, g.node("Concat", [batch, g.ints([-1, outDim])], { axis: 0 })]);
}
