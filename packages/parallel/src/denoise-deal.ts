// How the state of a denoise is dealt over the ranks of a plan, and collected again. B videos, F latent frames,
// C channels, H W latent rows and columns, L text tokens, S_v a rank's own video rows, X = p_t * p * p * C.
import { ClusterError } from "@cogfleet/core";
import {
  type DenoisePlan,
  type DenoiseState,
  elements,
  type GeneratorState,
  isGuided,
  type LatentShape,
  type Patch,
  patchify,
  type TransformerConfig,
  type TransformerSize,
  tokenCount,
  tokenGrid,
  unpatchify,
} from "@cogfleet/model";
import { type Block, bytesOf, copyBlocks, floatsIn, whole } from "./block.js";
import { type ContextLayout, contextLayout } from "./context-layout.js";
import { gatherRows } from "./gather.js";
import { type Group, subgroup } from "./group.js";
import { type Plan, planSize } from "./plan.js";
import { shareProgress } from "./share-progress.js";
import type { Share } from "./shares.js";
import { together } from "./together.js";

/** A denoise as one rank sees it. */
export interface DenoiseDeal {
  /** All ranks of the plan. */
  readonly group: Group;
  /** Those of the own half, who share the rows. */
  readonly context: Group;
  /** Which half this rank is in: 0 computes the negative branch, 1 the other; with cfg 1 half 0 computes all. */
  readonly half: 0 | 1;
  readonly plan: Plan;
  readonly denoise: DenoisePlan;
  readonly size: TransformerSize;
  readonly textEmbedDim: number;
  readonly shape: LatentShape;
  readonly patch: Patch;
  readonly layout: ContextLayout;
}

/** Where a rank stands between two steps: `DenoiseState` with own rows [B, own S_v, X] in the place of latents. */
export interface OwnState {
  /** Steps done. */
  readonly step: number;
  readonly latents: Float32Array<ArrayBuffer>;
  readonly previousX0: Float32Array | undefined;
  /** The same on every rank: each draws the noise of all rows. */
  readonly generators: readonly GeneratorState[];
}

/** Deals a denoise. `invalid_request` when halves have nothing to guide, `internal` when the group is not the plan's. */
export function dealDenoise(
  group: Group,
  plan: Plan,
  config: TransformerConfig,
  denoise: DenoisePlan,
  textTokens: number,
): DenoiseDeal {
  const { cfg, context } = plan;
  if (group.size !== planSize(plan))
    throw new ClusterError("internal", `a group of ${group.size} for a plan of ${planSize(plan)} ranks`);
  if (cfg === 2 && !isGuided(denoise.guidanceScale))
    throw new ClusterError(
      "invalid_request",
      `parallel cfg=2 needs guidance: guidance_scale must be greater than 1, got ${denoise.guidanceScale}`,
    );
  const half = group.rank < context ? 0 : 1;
  const { frames, height, width, channels } = denoise.latents;
  const patch = { p: config.patchSize, pT: config.patchSizeT ?? 1 };
  const shape = { batch: denoise.batch, frames, channels, height, width };
  const ranks = Array.from({ length: context }, (_, i) => half * context + i);
  return {
    group,
    context: subgroup(group, ranks, `half${half}`),
    half,
    plan,
    denoise,
    size: { frames, height, width, textTokens },
    textEmbedDim: config.textEmbedDim,
    shape,
    patch,
    layout: contextLayout(plan, {
      heads: config.numAttentionHeads,
      textTokens,
      videoTokens: tokenCount(tokenGrid(shape, patch)),
    }),
  };
}

/** The rows of the own half's rank `i` of a tensor [B, F, C, H, W]: [B, S_v, X]. */
export function rowsOfRank(
  { shape, patch, layout }: DenoiseDeal,
  latents: Float32Array,
  i: number,
): Float32Array<ArrayBuffer> {
  const { start, count } = layout.video[i] as Share;
  return patchify(latents, shape, patch, { from: start, to: start + count });
}

/** Features of a token row, X. */
export function rowFeatures({ shape: { channels }, patch: { p, pT } }: DenoiseDeal): number {
  return channels * pT * p * p;
}

/**
 * Gives every rank the text rows that it holds, of the branches that its half computes: [n B, own S_t, D]. Rank 0 has
 * the embeddings of all, [2 B, L, D] or without guidance [B, L, D]; the other ranks pass undefined.
 */
export async function dealEmbeds(
  deal: DenoiseDeal,
  embeds: Float32Array | undefined,
  signal: AbortSignal,
): Promise<Float32Array> {
  const { group, plan, denoise, layout, size, textEmbedDim } = deal;
  const branches = isGuided(denoise.guidanceScale) ? 2 : 1;
  const entries = (branches / plan.cfg) * denoise.batch;
  const rowBytes = textEmbedDim * Float32Array.BYTES_PER_ELEMENT;
  const textOf = (rank: number): Share => layout.text[rank % plan.context] as Share;
  const own = new Uint8Array(entries * textOf(group.rank).count * rowBytes);
  if (group.rank !== 0) {
    if (own.length > 0) await group.recv(0, "embeds", [whole(own)], signal);
    return floatsIn(own);
  }
  const expected = branches * denoise.batch * size.textTokens * textEmbedDim;
  if (embeds?.length !== expected)
    throw new ClusterError(
      "tensor_mismatch",
      `${embeds?.length ?? 0} values of embeddings, expected ${expected}`,
    );
  const data = bytesOf(embeds);
  const rowsFor = (rank: number): Block[] => {
    const { start, count } = textOf(rank);
    if (count === 0) return [];
    const entry = rank < plan.context ? 0 : denoise.batch;
    const first = (entry * size.textTokens + start) * rowBytes;
    const strideBytes = size.textTokens * rowBytes;
    return [{ data, start: first, runs: entries, runBytes: count * rowBytes, strideBytes }];
  };
  await sendToOthers(group, rowsFor, "embeds", signal);
  copyBlocks(rowsFor(0), [whole(own)]);
  return floatsIn(own);
}

/** Nothing is sent where there are no blocks. */
async function sendToOthers(
  group: Group,
  blocksFor: (rank: number) => readonly Block[],
  tag: string,
  signal: AbortSignal,
): Promise<void> {
  const others = Array.from({ length: group.size - 1 }, (_, i) => i + 1);
  const parts = others
    .filter((rank) => blocksFor(rank).length > 0)
    .map((rank) => (part: AbortSignal) => group.send(rank, tag, blocksFor(rank), part));
  await together(parts, signal);
}

/** Gives every rank its rows of a state that rank 0 has; the other ranks pass undefined. */
export async function dealState(
  deal: DenoiseDeal,
  state: DenoiseState | undefined,
  signal: AbortSignal,
): Promise<OwnState> {
  const { step, isFirst, generators } = await shareProgress(deal.group, state, signal);
  const { previousX0 } = state?.solver ?? {};
  return {
    step,
    latents: await dealRows(deal, state?.latents, "latents", signal),
    previousX0: isFirst ? undefined : await dealRows(deal, previousX0, "previous-x0", signal),
    generators,
  };
}

async function dealRows(
  deal: DenoiseDeal,
  tensor: Float32Array | undefined,
  tag: string,
  signal: AbortSignal,
): Promise<Float32Array<ArrayBuffer>> {
  const { group, plan, layout, shape } = deal;
  if (group.rank !== 0) {
    const count = (layout.video[deal.context.rank] as Share).count;
    const own = new Float32Array(shape.batch * count * rowFeatures(deal));
    if (own.length > 0) await group.recv(0, tag, [whole(bytesOf(own))], signal);
    return own;
  }
  const expected = elements([shape.batch, shape.frames, shape.channels, shape.height, shape.width]);
  if (tensor?.length !== expected)
    throw new ClusterError(
      "tensor_mismatch",
      `${tag} to deal has ${tensor?.length ?? 0} values, expected ${expected}`,
    );
  const rows = Array.from({ length: plan.context }, (_, i) => rowsOfRank(deal, tensor, i));
  const blocks = rows.map((values) => (values.length === 0 ? [] : [whole(bytesOf(values))]));
  await sendToOthers(group, (rank) => blocks[rank % plan.context] as Block[], tag, signal);
  return rows[0] as Float32Array<ArrayBuffer>;
}

/** Collects the whole state at rank 0; undefined elsewhere. */
export async function gatherState(
  deal: DenoiseDeal,
  state: OwnState,
  signal: AbortSignal,
): Promise<DenoiseState | undefined> {
  // The other half holds the same rows.
  if (deal.half !== 0) return undefined;
  const { step, generators } = state;
  const latents = await gatherTensor(deal, state.latents, "latents", signal);
  const previousX0 =
    state.previousX0 === undefined
      ? undefined
      : await gatherTensor(deal, state.previousX0, "previous-x0", signal);
  return latents === undefined ? undefined : { step, latents, solver: { previousX0 }, generators };
}

async function gatherTensor(
  deal: DenoiseDeal,
  rows: Float32Array,
  tag: string,
  signal: AbortSignal,
): Promise<Float32Array<ArrayBuffer> | undefined> {
  const { context, shape, patch, layout } = deal;
  const rowBytes = rowFeatures(deal) * Float32Array.BYTES_PER_ELEMENT;
  const gathered = { batch: shape.batch, rowBytes, rows: layout.video };
  const bytes = await gatherRows(context, bytesOf(rows), gathered, 0, tag, signal);
  if (bytes === undefined) return undefined;
  const { batch, frames, channels, height, width } = shape;
  const tensor = new Float32Array(elements([batch, frames, channels, height, width]));
  unpatchify(floatsIn(bytes), tensor, shape, patch);
  return tensor;
}
