import { ClusterError } from "@cogfleet/core";
import { dealShares, type Share } from "./shares.js";

/** What one rank computes of an attention: these heads, for these query rows, against the keys of all rows. */
export interface AttentionCell {
  readonly heads: Share;
  readonly queries: Share;
}

/**
 * How P ranks share an attention: columns of heads, and in each column its ranks share the query rows.
 * As many columns as ranks is Ulysses: every rank has heads of its own and all rows. One column is gathered K, V:
 * every rank has all heads, and rows of its own. Between them lie the mixtures, for more ranks than heads.
 */
export interface Arrangement {
  /** Ranks and heads of each column; both follow one another from 0 on. */
  readonly columns: readonly { readonly ranks: Share; readonly heads: Share }[];
  /**
   * The slowest column's work over the mean, 1 when perfectly balanced: how much of the ranks' time the uneven heads
   * waste.
   */
  readonly imbalance: number;
}

/**
 * Chooses columns for ranks of these rates. A column a rank when there are heads enough, since every column fewer
 * sends K and V to more ranks; else the best balanced, of equals the one with the most columns. `columns` overrides
 * the choice: any number from 1 to min(P, heads).
 */
export function arrange(rates: readonly number[], heads: number, columns?: number): Arrangement {
  const most = Math.min(rates.length, heads);
  if (most < 1)
    throw new ClusterError("internal", `cannot arrange ${heads} heads over ${rates.length} ranks`);
  if (columns !== undefined) {
    if (!Number.isInteger(columns) || columns < 1 || columns > most) {
      throw new ClusterError("internal", `columns ${columns} must be an integer in [1, ${most}]`);
    }
    return withColumns(rates, heads, columns);
  }
  if (rates.length <= heads) return withColumns(rates, heads, rates.length);
  const choices = Array.from({ length: most }, (_, i) => withColumns(rates, heads, most - i));
  // Differences below rounding are none: the first of equals has the most columns.
  return choices.reduce((best, next) => (next.imbalance < best.imbalance - 1e-9 ? next : best));
}

/** The cells of an arrangement for `rows` rows of the joint sequence, by rank. */
export function attentionCells(
  arrangement: Arrangement,
  rates: readonly number[],
  rows: number,
): AttentionCell[] {
  return arrangement.columns.flatMap(({ ranks, heads }) =>
    dealShares(rows, evenIfIdle(rates.slice(ranks.start, ranks.start + ranks.count))).map((queries) => ({
      heads,
      queries,
    })),
  );
}

/**
 * Cuts every cell into `parts` runs of heads, so that one run's exchange is under way while another computes.
 * Result: by part, by rank. A cell with fewer heads than parts has empty cells at the end.
 */
export function splitHeads(cells: readonly AttentionCell[], parts: number): AttentionCell[][] {
  const even = Array.from({ length: parts }, () => 1);
  const cut = cells.map(({ heads }) => dealShares(heads.count, even));
  return even.map((_, part) =>
    cells.map(({ heads, queries }, rank) => {
      const { start, count } = (cut[rank] as Share[])[part] as Share;
      return { heads: { start: heads.start + start, count }, queries };
    }),
  );
}

function withColumns(rates: readonly number[], heads: number, columns: number): Arrangement {
  // Ranks in order, so that a column's ranks are neighbours: as even in number as can be.
  const rankShares = dealShares(
    rates.length,
    Array.from({ length: columns }, () => 1),
  );
  const columnRates = rankShares.map(({ start, count }) =>
    rates.slice(start, start + count).reduce((a, b) => a + b, 0),
  );
  const headShares = dealShares(heads, columnRates);
  const total = columnRates.reduce((a, b) => a + b, 0);
  const times = headShares.map(({ count }, c) => (count === 0 ? 0 : count / (columnRates[c] as number)));
  return {
    columns: rankShares.map((ranks, c) => ({ ranks, heads: headShares[c] as Share })),
    imbalance: (Math.max(...times) * total) / heads,
  };
}

/** A column of ranks that are all given rate 0 has no heads; its rows must still be dealt somehow. */
function evenIfIdle(rates: readonly number[]): readonly number[] {
  return rates.some((rate) => rate > 0) ? rates : rates.map(() => 1);
}
