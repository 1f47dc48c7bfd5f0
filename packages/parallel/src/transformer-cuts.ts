// The transformer as graphs between the exchanges: what lies between two attentions is one graph, so there are two cuts
// a layer. B batch, S_t and S_v a rank's own text and video rows, S = S_t + S_v, D = heads x head_dim, E time_embed_dim.
import {
  afterAttention,
  attend,
  beforeAttention,
  type ElementType,
  type Graph,
  GraphBuilder,
  innerDim,
  lengths,
  type Precision,
  rotaryInputs,
  type Streams,
  sampleOutput,
  type TransformerConfig,
  type TransformerContext,
  transformerInputs,
  type Value,
  type Weights,
} from "@cogfleet/model";

/** What a graph of own rows gives as `next.NAME` for the following one to take as `NAME`. */
const CARRIED = ["text", "video", "gate.text", "gate.video"] as const;
export const HANDED_ON: readonly string[] = CARRIED.map((name) => `next.${name}`);

/** Element type of what crosses a cut. onnxruntime-node takes no bfloat16: float32 holds every one of them. */
export function cutType(precision: Precision): Extract<ElementType, "float32" | "float16"> {
  return precision === "fp16" ? "float16" : "float32";
}

/**
 * Own rows from one attention to the next; `cut` 0 is before the first one, `cut` num_layers after the last one.
 *
 *   in   cut 0: as `transformerInputs` of own rows
 *        then: text [B, S_t, D], video [B, S_v, D], gate.text, gate.video [B, 1, D], time [B, E], attention [B, S, D],
 *        and rotary_cos, rotary_sin [S, head_dim / 2] where the model is rotary, but for the last cut
 *   out  next.text, next.video, next.gate.text, next.gate.video, q, k, v [B, S, D], and of cut 0 time
 *        last cut: sample float32 [B, S_v, p_t * p * p * C_out]
 */
export function ownRowsGraph(
  config: TransformerConfig,
  weights: Weights,
  precision: Precision,
  cut: number,
): Graph {
  const m = segment(`transformer.rows-${cut}`, config, weights, precision);
  const { g } = m;
  const D = innerDim(config);
  const give = (x: Streams, gates: Streams, attended: Readonly<Record<"q" | "k" | "v", Value>>): void => {
    const carried = [x.text, x.video, gates.text, gates.video];
    for (const [i, name] of CARRIED.entries())
      cutOutput(m, precision, `next.${name}`, carried[i] as Value, D);
    for (const name of ["q", "k", "v"] as const) cutOutput(m, precision, name, attended[name], D);
  };
  if (cut === 0) {
    const { x, time, rotary } = transformerInputs(m);
    const { attended, gates } = beforeAttention(m, 0, x, time, rotary, lengths(m, x));
    const wide = g.computeType === "bfloat16" ? g.cast(time, "float32") : time;
    g.output("time", wide, ["B", config.timeEmbedDim], cutType(precision));
    give(x, gates, attended);
    return g.build();
  }
  const before = {
    text: cutInput(m, precision, "text", ["B", "S_t", D]),
    video: cutInput(m, precision, "video", ["B", "S_v", D]),
  };
  const gates = {
    text: cutInput(m, precision, "gate.text", ["B", 1, D]),
    video: cutInput(m, precision, "gate.video", ["B", 1, D]),
  };
  const time = cutInput(m, precision, "time", ["B", config.timeEmbedDim]);
  const attention = cutInput(m, precision, "attention", ["B", "S", D]);
  const n = lengths(m, before);
  const x = afterAttention(m, cut - 1, before, attention, gates, time, n);
  if (cut === config.numLayers) sampleOutput(m, x.video, time);
  else {
    const next = beforeAttention(m, cut, x, time, rotaryInputs(m), n);
    give(x, next.gates, next.attended);
  }
  return g.build();
}

/** Attention of some heads: q [B, Q, heads * head_dim], k and v [B, S, heads * head_dim] to attention, as q. No weights. */
export function attentionGraph(
  config: TransformerConfig,
  weights: Weights,
  precision: Precision,
  heads: number,
): Graph {
  const m = segment(`transformer.heads-${heads}`, config, weights, precision);
  const width = heads * config.attentionHeadDim;
  const q = cutInput(m, precision, "q", ["B", "Q", width]);
  const k = cutInput(m, precision, "k", ["B", "S", width]);
  const v = cutInput(m, precision, "v", ["B", "S", width]);
  cutOutput(m, precision, "attention", attend(m, { q, k, v }, heads), width);
  return m.g.build();
}

function segment(
  name: string,
  config: TransformerConfig,
  weights: Weights,
  precision: Precision,
): TransformerContext {
  return { g: new GraphBuilder(name, precision), weights, config };
}

function cutInput(
  { g }: TransformerContext,
  precision: Precision,
  name: string,
  dims: readonly (number | string)[],
): Value {
  const value = g.input(name, dims, cutType(precision));
  return g.computeType === "bfloat16" ? g.cast(value, "bfloat16") : value;
}

/** [B, some rows, width] */
function cutOutput(
  { g }: TransformerContext,
  precision: Precision,
  name: string,
  value: Value,
  width: number,
): void {
  const wide = g.computeType === "bfloat16" ? g.cast(value, "float32") : value;
  g.output(name, wide, ["B", `rows.${name}`, width], cutType(precision));
}
