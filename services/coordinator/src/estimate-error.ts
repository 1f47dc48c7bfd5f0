/** Jobs that the correction remembers. */
const WINDOW = 15;
/** One job cannot say that all others take a hundred times as long. */
const MOST = 20;

/**
 * How far estimates are off: the median of actual / estimate over the last jobs. Of a median, jobs that took long for
 * reasons of their own (a cold cache, a slow worker) are no part. It starts as if one job had been estimated right, so
 * that the first one counts half.
 */
export class EstimateError {
  #logs: readonly number[] = [0];

  /** What to multiply an estimate by. */
  get ratio(): number {
    const sorted = this.#logs.toSorted((a, b) => a - b);
    const middle = sorted.length >> 1;
    const upper = sorted[middle] ?? 0;
    return Math.exp(sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2);
  }

  /** A job took `actual` where `estimate`, uncorrected, was expected. */
  add(actual: number, estimate: number): void {
    if (!(actual > 0 && estimate > 0)) return;
    const bounded = Math.min(MOST, Math.max(1 / MOST, actual / estimate));
    this.#logs = [...this.#logs, Math.log(bounded)].slice(-WINDOW);
  }
}
