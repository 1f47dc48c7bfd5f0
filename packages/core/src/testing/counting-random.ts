import type { Random } from "../random.js";

/** Ids "id-1", "id-2", ... and seeds 1, 2, ...: the same in every run. */
export function countingRandom(): Random {
  let ids = 0;
  let seeds = 0;
  return {
    id: () => {
      ids += 1;
      return `id-${ids}`;
    },
    seed: () => {
      seeds += 1;
      return seeds;
    },
  };
}
