import {
  afterAttention,
  attend,
  beforeAttention,
  type Graph,
  GraphBuilder,
  innerDim,
  lengths,
  sampleOutput,
  type Tensor,
  type TransformerConfig,
  transformerInputs,
  type Value,
  type Weights,
} from "@cogfleet/model";
import type { AttentionCell } from "@cogfleet/parallel";

/** What a rank computes of a step. */
export interface RankShare {
  readonly batch: number;
  readonly textTokens: number;
  readonly videoTokens: number;
  /** Rows of all ranks. */
  readonly allTokens: number;
  readonly cell: AttentionCell;
}

/**
 * A rank's share of a step's arithmetic in one graph that never talks: all that is done with own rows, and attentions
 * of the cell's shape on made-up operands. Inputs are those of the transformer and `made_up`.
 */
export function shareGraph(config: TransformerConfig, weights: Weights, share: RankShare): Graph {
  const m = { g: new GraphBuilder("share", "fp32"), weights, config };
  const { g } = m;
  const { batch, textTokens, videoTokens, allTokens, cell } = share;
  const { time, x: first, rotary } = transformerInputs(m);
  const n = lengths(m, first);
  const row = g.input("made_up", [1, 1, innerDim(config)]);
  const width = cell.heads.count * config.attentionHeadDim;
  const made = (rows: number, columns: number): Value => {
    const narrow = g.node("Slice", [row, g.ints([0]), g.ints([columns]), g.ints([2])]);
    return g.node("Expand", [narrow, g.ints([batch, rows, columns])]);
  };
  const [k, v] = [made(allTokens, width), made(allTokens, width)];
  const rows = made(textTokens + videoTokens, innerDim(config));
  const kept: Value[] = [];
  const keep = (value: Value): void => {
    const corner = g.ints([1, 1, 1]);
    kept.push(g.node("Slice", [value, g.ints([0, 0, 0]), corner, g.ints([0, 1, 2])]));
  };
  let x = first;
  // One layer's result is the next one's query: the same attention twice would be computed once.
  let query = made(cell.queries.count, width);
  for (let layer = 0; layer < config.numLayers; layer++) {
    const { attended, gates } = beforeAttention(m, layer, x, time, rotary, n);
    for (const operand of Object.values(attended)) keep(operand);
    query = attend(m, { q: query, k, v }, cell.heads.count);
    x = afterAttention(m, layer, x, rows, gates, time, n);
  }
  keep(query);
  sampleOutput(m, x.video, time);
  g.output("kept", g.node("Concat", kept, { axis: 2 }), [1, 1, kept.length]);
  return g.build();
}

/** The input `made_up`. */
export function madeUp(config: TransformerConfig): Tensor {
  const D = innerDim(config);
  return { type: "float32", data: new Float32Array(D).map((_, i) => Math.cos(i)), dims: [1, 1, D] };
}
