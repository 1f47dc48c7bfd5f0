import type { Compression } from "./compression.js";
import type { Share } from "./shares.js";

/**
 * How a job is spread over its ranks. Stored with the job, and kept while enough workers are there: the same plan gives
 * the same bits, another one the same numbers but for the order in which ONNX Runtime's kernels add.
 *
 * There are `cfg * context` ranks. Rank h * context + i is rank i of half h; half 0 computes the negative branch of the
 * guidance, half 1 the positive one; with cfg 1 the only half computes both.
 */
export interface Plan {
  readonly cfg: 1 | 2;
  /** Ranks of a half: they share the token rows, and the heads of each attention. */
  readonly context: number;
  /** Relative speed by rank: rows and heads are dealt in proportion. */
  readonly rates: readonly number[];
  /** Columns of heads of a half's attention (arrangement.ts); undefined: chosen from the rates. */
  readonly columns?: number;
  /** Runs of heads that an attention is cut into, so that transfers run under compute; undefined: 2. */
  readonly parts?: number;
  /** Runs of own rows that a layer computes them in, so that transfers run under them too; undefined: 1. */
  readonly runs?: number;
  /** How the activations that ranks of a half exchange are compressed: approximate. Undefined: they are not. */
  readonly activations?: Compression;
  readonly vae: VaePlan;
}

/** Who decodes what. All of these compute the same bits as one rank that decodes the same way. */
export type VaePlan =
  /** Rank 0 decodes alone, tiled if the job asked for tiling. */
  | { readonly kind: "serial" }
  /** Rank r decodes the run `chunks[r]` of the chunks of latent frames, in lock-step with its neighbours. */
  | { readonly kind: "temporal"; readonly chunks: readonly Share[] }
  /**
   * Only when the job asked for tiling: rank r decodes the tiles `tiles[r]` (numbers in raster order). A tile that
   * several ranks list is decoded by them together, its chunks dealt evenly in the order of ranks, as in `temporal`.
   */
  | { readonly kind: "tiles"; readonly tiles: readonly (readonly number[])[] };

/** More workers than this do not share a job. */
export const MAX_RANKS = 16;

/** Ranks of a plan. */
export function planSize(plan: Pick<Plan, "cfg" | "context">): number {
  return plan.cfg * plan.context;
}

/** The plan of one rank. */
export const ONE_RANK: Plan = { cfg: 1, context: 1, rates: [1], vae: { kind: "serial" } };
