// S_t text rows, S_v video rows; the joint sequence [text; video] has S = S_t + S_v. P ranks of a half share it.
import { ClusterError } from "@cogfleet/core";
import { type AttentionCell, arrange, attentionCells, splitHeads } from "./arrangement.js";
import { type Plan, planSize } from "./plan.js";
import { dealShares, overlap, type Share } from "./shares.js";

/** Who holds which rows between attentions, and who computes what of each attention. All by rank of the half. */
export interface ContextLayout extends RowShares {
  /** H. */
  readonly heads: number;
  /** By run: the rows that each rank computes at a time, while what it has for the others travels. */
  readonly runs: readonly RowShares[];
  /** By part: runs of heads whose exchanges and attentions run beside each other. */
  readonly parts: readonly (readonly AttentionCell[])[];
}

/** Rows of the joint sequence by rank. */
export interface RowShares {
  readonly rows: readonly Share[];
  /** The text rows among them; a rank may have none. */
  readonly text: readonly Share[];
  /** The video rows among them, counted from the first video row; a rank may have none. */
  readonly video: readonly Share[];
}

/** Parts of an attention when a plan names none: the second part's transfer runs under the first part's attention. */
const DEFAULT_PARTS = 2;
/** Runs of own rows when a plan names none: transfers run under attention alone. */
const DEFAULT_RUNS = 1;

/**
 * Deals the rows and heads of a half over its ranks. Both halves get the same layout, so that rank i of one holds the
 * rows of rank i of the other: a pair is as quick as the slower of the two.
 */
export function contextLayout(
  plan: Pick<Plan, "cfg" | "context" | "rates" | "columns" | "parts" | "runs">,
  sizes: { readonly heads: number; readonly textTokens: number; readonly videoTokens: number },
): ContextLayout {
  const { cfg, context, columns, parts = DEFAULT_PARTS, runs = DEFAULT_RUNS } = plan;
  const { heads, textTokens, videoTokens } = sizes;
  if (plan.rates.length !== planSize(plan))
    throw new ClusterError("internal", `${plan.rates.length} rates for a plan of ${planSize(plan)} ranks`);
  if (!Number.isInteger(parts) || parts < 1)
    throw new ClusterError("internal", `parts ${parts} must be an integer of at least 1`);
  if (!Number.isInteger(runs) || runs < 1)
    throw new ClusterError("internal", `runs ${runs} must be an integer of at least 1`);
  const rates = plan.rates
    .slice(0, context)
    .map((rate, i) => (cfg === 1 ? rate : Math.min(rate, plan.rates[context + i] as number)));
  const rows = dealShares(textTokens + videoTokens, rates);
  const cells = attentionCells(arrange(rates, heads, columns), rates, textTokens + videoTokens);
  const isAlone = context === 1; // there is nothing to transfer while something computes
  return {
    heads,
    ...withStreams(rows, textTokens, videoTokens),
    runs: splitRows(rows, isAlone ? 1 : runs).map((run) => withStreams(run, textTokens, videoTokens)),
    parts: splitHeads(cells, isAlone ? 1 : parts),
  };
}

/** Every rank's rows in `runs` runs, as even as can be: by run, by rank. A rank with fewer rows than runs has empty runs. */
function splitRows(rows: readonly Share[], runs: number): Share[][] {
  const even = Array.from({ length: runs }, () => 1);
  const cut = rows.map(({ count }) => dealShares(count, even));
  return even.map((_, run) =>
    rows.map((share, rank) => {
      const { start, count } = (cut[rank] as Share[])[run] as Share;
      return { start: share.start + start, count };
    }),
  );
}

function withStreams(rows: readonly Share[], textTokens: number, videoTokens: number): RowShares {
  const within = (start: number, count: number): Share[] =>
    rows.map((share) => {
      const common = overlap(share, { start, count });
      return { start: Math.min(common.start - start, count), count: common.count };
    });
  return { rows, text: within(0, textTokens), video: within(textTokens, videoTokens) };
}
