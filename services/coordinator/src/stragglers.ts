/** Shares are dealt so that all ranks compute for equally long: one that takes so many times as long is a straggler. */
const FAR_BEHIND = 5;
const REGROUP_SECONDS = 2;
const MARGIN = 0.2;

export interface Straggler {
  readonly rank: number;
  /** Compute time of a step: its own, and the median of the others. */
  readonly seconds: number;
  readonly othersSeconds: number;
}

/** The rank that is far behind the others; undefined: none, or not all have told their times. Pure. */
export function stragglerOf(computeSeconds: readonly (number | undefined)[]): Straggler | undefined {
  const known = computeSeconds.filter((seconds) => seconds !== undefined);
  if (known.length < computeSeconds.length || known.length < 2) return undefined;
  const rank = known.indexOf(Math.max(...known));
  const others = known.filter((_, other) => other !== rank).sort((a, b) => a - b);
  const othersSeconds = others[(others.length - 1) >> 1] as number;
  const seconds = known[rank] as number;
  return seconds >= FAR_BEHIND * othersSeconds ? { rank, seconds, othersSeconds } : undefined;
}

/** Whether a job ends well sooner without its straggler, whose share the others then compute, too. Pure. */
export function goingOnWithoutPays(
  { seconds, othersSeconds }: Straggler,
  job: { readonly stepsLeft: number; readonly stepSeconds: number; readonly ranks: number },
): boolean {
  const { stepsLeft, stepSeconds, ranks } = job;
  const rest = Math.max(0, stepSeconds - seconds);
  const without = rest + (othersSeconds * ranks) / (ranks - 1);
  const left = stepsLeft * stepSeconds;
  return stepsLeft * without + REGROUP_SECONDS < left * (1 - MARGIN);
}
