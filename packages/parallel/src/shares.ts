import { ClusterError } from "@cogfleet/core";

/** A contiguous part of something dealt out over ranks: [start, start + count). The count may be zero. */
export interface Share {
  readonly start: number;
  readonly count: number;
}

/**
 * Deals `total` things to ranks in contiguous shares, in proportion to their rates (any unit; equal rates for equal
 * ranks): whole parts first, then one each to the largest remainders, the lower rank first. No share is further than
 * one from its exact part.
 */
export function dealShares(total: number, rates: readonly number[]): Share[] {
  if (!Number.isInteger(total) || total < 0) {
    throw new ClusterError("internal", `cannot deal ${total} things: must be an integer of at least 0`);
  }
  const sum = rates.reduce((a, b) => a + b, 0);
  if (rates.some((rate) => !Number.isFinite(rate) || rate < 0) || !(sum > 0)) {
    throw new ClusterError("internal", `rates [${rates.join(", ")}] must be at least 0, and one above it`);
  }
  const exact = rates.map((rate) => (total * rate) / sum);
  const counts = exact.map(Math.floor);
  const remainder = (i: number): number => (exact[i] as number) - (counts[i] as number);
  const missing = total - counts.reduce((a, b) => a + b, 0);
  const byRemainder = rates.map((_, i) => i).filter((i) => (rates[i] as number) > 0);
  byRemainder.sort((a, b) => remainder(b) - remainder(a) || a - b);
  for (const i of byRemainder.slice(0, missing)) counts[i] = (counts[i] as number) + 1;

  let start = 0;
  return counts.map((count) => {
    const share = { start, count };
    start += count;
    return share;
  });
}

/** What two shares have in common; count 0 when nothing. */
export function overlap(a: Share, b: Share): Share {
  const start = Math.max(a.start, b.start);
  const end = Math.min(a.start + a.count, b.start + b.count);
  return { start, count: Math.max(0, end - start) };
}

/** How many things the shares hold together, when they follow one another from 0 on as `dealShares` deals them. */
export function dealt(shares: readonly Share[]): number {
  const last = shares.at(-1);
  return last === undefined ? 0 : last.start + last.count;
}
