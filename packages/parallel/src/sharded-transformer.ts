// CogVideoXTransformer3DModel over the ranks of a half: own rows -> exchange -> own heads -> exchange -> own rows.
// Its one-rank reference is open-transformer.ts of model. B batch, S_t and S_v a rank's own text and video rows,
// S = S_t + S_v, D = heads x head_dim.
import { ClusterError, neverAborts } from "@cogfleet/core";
import {
  elements,
  forgetKept,
  type Given,
  innerDim,
  OFS,
  type Precision,
  type Runtime,
  requirePrecision,
  requireSize,
  requireWeightsUsed,
  type Session,
  type Tensor,
  type TransformerConfig,
  type TransformerSize,
  timestepSinusoid,
  type Weights,
} from "@cogfleet/model";
import { bytesOf } from "./block.js";
import { type Compression, compressionNeedsFloat32 } from "./compression.js";
import type { ContextLayout } from "./context-layout.js";
import type { Group } from "./group.js";
import { ownPositions } from "./own-positions.js";
import { type AttendCell, RankAttention } from "./rank-attention.js";
import { cutRun, joinRuns } from "./row-runs.js";
import { SendLanes } from "./send-lanes.js";
import { dealt, type Share } from "./shares.js";
import { together } from "./together.js";
import { attentionGraph, cutType, HANDED_ON, ownRowsGraph } from "./transformer-cuts.js";

/** A rank's part of a forward pass. */
export interface ShardedTransformerInput {
  readonly batch: number;
  /** Of the whole: all ranks' rows together. */
  readonly size: TransformerSize;
  readonly layout: ContextLayout;
  /** float32 [B, own S_v, p_t * p * p * C_in]: token rows. Given away: detached when the promise settles. */
  readonly video: Float32Array<ArrayBuffer>;
  /** float32 [B, own S_t, text_embed_dim]. */
  readonly text: Float32Array;
  /** Train timesteps, one for each of the batch; -1 occurs. */
  readonly timestep: readonly number[];
  /** Of what is exchanged: approximate, and for float32 cuts only. Undefined: every bit is kept. */
  readonly compression?: Compression | undefined;
  /** For checkpoints with ofs_embed_dim; 2.0 when left out, as the pipelines pass. */
  readonly ofs?: number | undefined;
}

/** One forward pass of CogVideoXTransformer3DModel by the ranks of a group, which all call it. */
export interface ShardedTransformer {
  /**
   * Returns float32 [B, own S_v, p_t * p * p * C_out]: own token rows, owned by the caller. `invalid_request` on every
   * rank when the size does not fit the checkpoint's positions.
   */
  forward(group: Group, input: ShardedTransformerInput, signal: AbortSignal): Promise<Float32Array>;
  close(): Promise<void>;
}

type Tensors = Readonly<Record<string, Tensor>>;
type Givens = Readonly<Record<string, Given>>;

/**
 * Opens the transformer in segments: the same sessions serve every size, share and number of ranks. Attention takes no
 * weights, so a session for a number of heads is opened when that number first occurs. Errors as `openTransformer`.
 */
export async function openShardedTransformer(
  runtime: Runtime,
  config: TransformerConfig,
  weights: Weights,
  precision: Precision,
  signal: AbortSignal,
): Promise<ShardedTransformer> {
  requirePrecision(config, precision);
  const graphs = Array.from({ length: config.numLayers + 1 }, (_, cut) =>
    ownRowsGraph(config, weights, precision, cut),
  );
  requireWeightsUsed(config, weights);
  const cuts = await runtime.openTogether("transformer.rows", graphs, signal);
  const attentions = new Map<number, Promise<Session>>();
  const attentionOf = (heads: number): Promise<Session> => {
    const known = attentions.get(heads);
    if (known !== undefined) return known;
    // Not under a job's signal: the session is there for the jobs after it, too.
    const opened = runtime.open(attentionGraph(config, weights, precision, heads), neverAborts);
    attentions.set(heads, opened);
    opened.catch(() => attentions.delete(heads)); // the next job may have more luck
    return opened;
  };
  // A job has one size and one layout for all its steps, so one is kept.
  let known:
    | { readonly size: string; readonly layout: ContextLayout; readonly inputs: readonly Tensors[] }
    | undefined;
  const positions = (size: TransformerSize, layout: ContextLayout, rank: number): readonly Tensors[] => {
    const key = [...Object.values(size), rank].join();
    if (known?.layout !== layout || known.size !== key)
      known = { size: key, layout, inputs: layout.runs.map((run) => ownPositions(config, size, run, rank)) };
    return known.inputs;
  };

  return {
    async forward(group, input, forwardSignal) {
      requireSize(config, input.size);
      requireInput(config, group, input);
      const own = positions(input.size, input.layout, group.rank);
      return forward({ config, precision, cuts, attentionOf, positions: own }, group, input, forwardSignal);
    },
    async close() {
      const opened = [...cuts, ...(await Promise.all(attentions.values()))];
      await Promise.all(opened.map((session) => session.close()));
    },
  };
}

interface Segments {
  readonly config: TransformerConfig;
  readonly precision: Precision;
  /** The graphs of own rows, num_layers + 1. */
  readonly cuts: readonly Session[];
  attentionOf(heads: number): Promise<Session>;
  /** By run of own rows. */
  readonly positions: readonly Tensors[];
}

async function forward(
  segments: Segments,
  group: Group,
  input: ShardedTransformerInput,
  signal: AbortSignal,
): Promise<Float32Array> {
  const { config, precision } = segments;
  const { batch, layout, compression } = input;
  if (compression !== undefined && cutType(precision) !== "float32")
    throw new ClusterError("invalid_request", compressionNeedsFloat32(compression));
  const headBytes = config.attentionHeadDim * (cutType(precision) === "float16" ? 2 : 4);
  const attend = attendCell(segments, batch, dealt(layout.rows));
  const lanes = new SendLanes(group);
  const attentions = Array.from(
    { length: config.numLayers },
    (_, layer) => new RankAttention(group, lanes, { batch, headBytes, layout, compression }, layer),
  );
  const of = (shares: readonly Share[]): Share => shares[group.rank] as Share;
  const samples: Float32Array[] = [];
  await together(
    [
      ...layout.runs.map(({ rows, text, video }, run) => async (until: AbortSignal) => {
        const own = {
          ...input,
          text: cutRun(input.text, batch, of(layout.text), of(text)),
          video: cutRun(input.video, batch, of(layout.video), of(video)),
        };
        samples[run] = await forwardRun(segments, run, of(rows).count, own, attentions, until);
      }),
      ...attentions.map(
        (attention, layer) => (until: AbortSignal) => attention.compute(attentions[layer - 1], attend, until),
      ),
    ],
    signal,
  );
  const runs = layout.runs.map(({ video }) => of(video));
  return joinRuns(samples, batch, of(layout.video), runs);
}

/** A run of own rows through all layers; the predictions for its video rows. */
async function forwardRun(
  { config, precision, cuts, positions }: Segments,
  run: number,
  rows: number,
  input: ShardedTransformerInput,
  attentions: readonly RankAttention[],
  signal: AbortSignal,
): Promise<Float32Array> {
  const { batch } = input;
  const type = cutType(precision);
  const own = positions[run] as Tensors;
  const { rotary_cos, rotary_sin } = own;
  const rotary = rotary_cos === undefined || rotary_sin === undefined ? {} : { rotary_cos, rotary_sin };

  // A rank without rows takes part in the exchanges alone.
  const ownRows = async (cut: number, inputs: Givens, given: readonly string[]): Promise<Givens> =>
    rows === 0 ? {} : (cuts[cut] as Session).runKeeping(inputs, signal, { transfer: given, keep: HANDED_ON });
  let outputs = await ownRows(0, firstInputs(config, input, own), ["hidden_states", "time_sinusoid"]);
  const { time } = outputs;
  try {
    for (const [layer, attention] of attentions.entries()) {
      const operands = {
        query: bytesOfOutput(outputs, "q", rows),
        key: bytesOfOutput(outputs, "k", rows),
        value: bytesOfOutput(outputs, "v", rows),
      };
      const attended = await attention.exchange(run, operands, signal);
      const given = {
        ...carriedOn(outputs),
        attention: tensorOf(type, attended, [batch, rows, innerDim(config)]),
      };
      const isLast = layer === config.numLayers - 1;
      const inputs = { ...given, ...(time === undefined ? {} : { time }), ...(isLast ? {} : rotary) };
      outputs = await ownRows(layer + 1, inputs, Object.keys(given));
    }
  } finally {
    forgetKept(outputs);
  }
  if (rows === 0) return new Float32Array();
  const { sample } = outputs;
  if (sample?.type !== "float32" || !("data" in sample))
    throw new ClusterError("internal", "the transformer's last segment gave no float32 sample");
  return sample.data;
}

/** Runs a cell in the session of its number of heads. */
function attendCell(
  { config, precision, attentionOf }: Segments,
  batch: number,
  allRows: number,
): AttendCell {
  const type = cutType(precision);
  return async ({ query, key, value }, cell, signal) => {
    const width = cell.heads.count * config.attentionHeadDim;
    const session = await attentionOf(cell.heads.count);
    const inputs = {
      q: tensorOf(type, query, [batch, cell.queries.count, width]),
      k: tensorOf(type, key, [batch, allRows, width]),
      v: tensorOf(type, value, [batch, allRows, width]),
    };
    const outputs = await session.run(inputs, signal, { transfer: ["q", "k", "v"] });
    return bytesOfOutput(outputs, "attention", cell.queries.count);
  };
}

function firstInputs(config: TransformerConfig, input: ShardedTransformerInput, positions: Tensors): Tensors {
  const { batch, video, text, timestep, ofs = OFS } = input;
  const { patchSize: p, patchSizeT, inChannels, textEmbedDim, ofsEmbedDim } = config;
  const features = inChannels * (patchSizeT ?? 1) * p * p;
  const float = (data: Float32Array, dims: readonly number[]): Tensor => ({ type: "float32", data, dims });
  const sinusoid = (values: readonly number[], dim: number): Tensor =>
    float(timestepSinusoid(values, dim, config), [values.length, dim]);
  return {
    hidden_states: float(video, [batch, video.length / batch / features, features]),
    encoder_hidden_states: float(text, [batch, text.length / batch / textEmbedDim, textEmbedDim]),
    time_sinusoid: sinusoid(timestep, innerDim(config)),
    ...(ofsEmbedDim === null ? {} : { ofs_sinusoid: sinusoid([ofs], ofsEmbedDim) }),
    ...positions,
  };
}

/** What a segment of own rows hands to the next one. */
function carriedOn(outputs: Givens): Givens {
  const carried = Object.entries(outputs).filter(([name]) => name.startsWith("next."));
  return Object.fromEntries(carried.map(([name, tensor]) => [name.slice("next.".length), tensor]));
}

function bytesOfOutput(outputs: Givens, name: string, rows: number): Uint8Array {
  if (rows === 0) return new Uint8Array();
  const tensor = outputs[name];
  if (tensor === undefined || !("data" in tensor))
    throw new ClusterError("internal", `a segment gave no ${name}`);
  return bytesOf(tensor.data);
}

function tensorOf(type: "float32" | "float16", bytes: Uint8Array, dims: readonly number[]): Tensor {
  const { buffer, byteOffset } = bytes;
  return type === "float32"
    ? { type, data: new Float32Array(buffer, byteOffset, elements(dims)), dims }
    : { type, data: new Uint16Array(buffer, byteOffset, elements(dims)), dims };
}

function requireInput(
  config: TransformerConfig,
  group: Group,
  { batch, size, layout, video, text, timestep }: ShardedTransformerInput,
): void {
  const { patchSize: p, patchSizeT, inChannels, textEmbedDim } = config;
  const pT = patchSizeT ?? 1;
  const joint = size.textTokens + (size.frames / pT) * (size.height / p) * (size.width / p);
  const own = (shares: readonly Share[]): number => shares[group.rank]?.count ?? 0;
  const rules: readonly (readonly [what: string, got: number, expected: number])[] = [
    ["ranks in the layout", layout.rows.length, group.size],
    ["rows in the layout", dealt(layout.rows), joint],
    ["heads in the layout", layout.heads, config.numAttentionHeads],
    ["values of video", video.length, batch * own(layout.video) * inChannels * pT * p * p],
    ["values of text", text.length, batch * own(layout.text) * textEmbedDim],
    ["timesteps", timestep.length, batch],
  ];
  const problems = rules
    .filter(([, got, expected]) => got !== expected)
    .map(([what, got, expected]) => `${got} ${what}, expected ${expected}`);
  if (problems.length > 0)
    throw new ClusterError("tensor_mismatch", `rank ${group.rank} of ${group.size}: ${problems.join("; ")}`);
}
