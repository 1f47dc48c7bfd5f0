import type { MemoryPlan } from "./job-life.js";

/** A job for which memory did not suffice. */
export interface Cramped {
  /** That it ran on. */
  readonly ranks: number;
  /** For which memory did not suffice before, with the same tiling. */
  readonly tooSmall: readonly number[];
  readonly isTiled: boolean;
  /** Whether it may be spread as is thought best. */
  readonly isFree: boolean;
  readonly mayTile: boolean;
  /** Workers that could compute it together. */
  readonly workers: number;
}

/**
 * How to try again: on more workers, each of which holds less; on fewer, where several share the memory of one machine;
 * then in tiles. Undefined: nothing is left. Each way is tried once. Pure.
 */
export function afterOutOfMemory(job: Cramped): MemoryPlan | undefined {
  const { ranks, tooSmall, isTiled, isFree, mayTile, workers } = job;
  const tried = [...tooSmall, ranks];
  const isNew = (count: number): boolean => count >= 1 && !tried.includes(count);
  if (isFree && workers > Math.max(...tried)) return { ranks: workers, isTiled };
  const fewer = Math.floor(Math.min(...tried) / 2);
  if (isFree && isNew(fewer)) return { ranks: fewer, isTiled };
  if (mayTile && !isTiled) return { ranks, isTiled: true };
  return undefined;
}
