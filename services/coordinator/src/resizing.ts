/** What it costs a job to change its workers: a step boundary to wait for, and a start from its checkpoint. */
const REGROUP_SECONDS = 2;
/** A change must be better by as much: estimates err, and what pays little today may not tomorrow. */
const MARGIN = 0.2;
const LEAST_GAIN_SECONDS = 5;

/** A running job, in seconds. */
export interface RunningOutlook {
  readonly elapsed: number;
  /** Until its end on the workers that it has, and on those that it would have. */
  readonly left: number;
  readonly leftAfter: number;
}

/** A job that waits for the same workers, in seconds. */
export interface WaitingOutlook {
  readonly waited: number;
  /** That it takes on all the workers of the running job, and on those that this would give up. */
  readonly onAll: number;
  readonly onSome: number;
}

/** Whether a running job goes on with more workers: it must gain well more than the change costs. Pure. */
export function growPays({ left, leftAfter }: Omit<RunningOutlook, "elapsed">): boolean {
  const gain = left - (leftAfter + REGROUP_SECONDS);
  return gain >= LEAST_GAIN_SECONDS && gain >= MARGIN * left;
}

/**
 * Whether a running job gives up workers to one that waits. Measured is how much longer both are in the house than
 * they would be if each had all the workers to itself at once: a short job behind a long one counts, two alike do
 * not. Pure.
 */
export function shrinkPays(running: RunningOutlook, waiting: WaitingOutlook): boolean {
  const { elapsed, left, leftAfter } = running;
  const { waited, onAll, onSome } = waiting;
  const alone = elapsed + left;
  const keep = slowdown(alone, alone) + slowdown(waited + left + onAll, onAll);
  const share =
    slowdown(elapsed + leftAfter + REGROUP_SECONDS, alone) +
    slowdown(waited + onSome + REGROUP_SECONDS, onAll);
  return left >= LEAST_GAIN_SECONDS && share < keep * (1 - MARGIN);
}

function slowdown(seconds: number, ideal: number): number {
  return seconds / Math.max(1, ideal);
}
