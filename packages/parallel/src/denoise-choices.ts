// The arrangements of some degrees that are worth timing: which workers in which order, who gets how much, and how an
// attention is cut. None of them depends on the links, so that a faster link cannot lead to a slower plan.
import { type DenoisePart, denoiseLayout } from "./estimate-denoise.js";
import type { JobShape } from "./job-shape.js";
import type { Degrees } from "./parallel-choice.js";
import type { PlanWorker } from "./plan-fleet.js";

/**
 * Parts of an attention and runs of rows. More of one than of the other hides little, and cutting finer costs more messages
 * than it hides of the transfers.
 */
const CUTS = [
  ...[1, 2, 4, 8].map((parts) => ({ parts, runs: 1 })),
  ...[2, 4].map((runs) => ({ parts: 2, runs })),
  ...[4, 8].map((runs) => ({ parts: 4, runs })),
  { parts: 8, runs: 8 },
];

/**
 * Workers by rank: the first ones, and the quickest. Neighbours in the given order stay neighbours in the first, so
 * that those of one host share a half. There must be as many workers as ranks.
 */
export function placements(
  workers: readonly PlanWorker[],
  { cfg, context }: Degrees,
): readonly (readonly PlanWorker[])[] {
  const size = cfg * context;
  const byRate = workers.toSorted((a, b) => b.rate - a.rate).slice(0, size);
  // The ranks of a pair wait for each other: the quickest two are one.
  const paired = cfg === 1 ? byRate : [0, 1].flatMap((h) => byRate.filter((_, i) => i % 2 === h));
  const inOrder = workers.slice(0, size);
  return paired.every((worker, i) => worker === inOrder[i]) ? [inOrder] : [inOrder, paired];
}

/** Rates, columns, parts and runs for these workers. */
export function denoiseChoices(
  job: JobShape,
  { cfg, context }: Degrees,
  workers: readonly PlanWorker[],
): DenoisePart[] {
  if (context === 1) return [{ cfg, context, rates: rateChoices(workers)[0] as readonly number[] }];
  return rateChoices(workers).flatMap((rates) =>
    columnChoices(job, context)
      .map((columns) => ({ cfg, context, rates, ...columns }))
      .filter((part) => isBusy(job, part))
      .flatMap((part) => CUTS.map((cuts) => ({ ...part, ...cuts }))),
  );
}

/** As measured, and all the same: the slowest of many may get nothing from the first. */
function rateChoices(workers: readonly PlanWorker[]): readonly (readonly number[])[] {
  const best = Math.max(...workers.map(({ rate }) => rate));
  const measured = workers.map(({ rate }) => Number((rate / best).toPrecision(3)));
  const even = workers.map(() => 1);
  return measured.every((rate) => rate === 1) ? [even] : [measured, even];
}

/** What the rates suggest, and columns of equally many ranks. */
function columnChoices({ heads }: JobShape, context: number): readonly { readonly columns?: number }[] {
  const divisors = Array.from({ length: context }, (_, i) => context - i).filter(
    (columns) => context % columns === 0 && columns <= heads,
  );
  return [{}, ...divisors.filter((columns) => columns < context).map((columns) => ({ columns }))];
}

/** Whether every rank has rows of its own: one that has none is only in the way. */
function isBusy(job: JobShape, part: DenoisePart): boolean {
  return denoiseLayout(job, part).rows.every(({ count }) => count > 0);
}
