import { setMaxListeners } from "node:events";

/**
 * Settles with `promise`, or rejects with the signal's reason if that comes first. The listener is
 * gone either way: a signal that outlives a thousand calls must not collect a thousand listeners.
 */
export function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** A signal that never aborts, for calls that nobody can stop. */
export const neverAborts: AbortSignal = new AbortController().signal;
setMaxListeners(0, neverAborts); // any number of calls may wait under it

/**
 * A signal that aborts with the first of several. Call `unlink` when the work is over: a long-lived signal must not
 * collect listeners. (AbortSignal.any leaks on early releases of Node 20.)
 */
export function linkSignals(...signals: readonly AbortSignal[]): { signal: AbortSignal; unlink(): void } {
  const linked = new AbortController();
  const onAbort = (event: Event): void => {
    if (event.target instanceof AbortSignal) linked.abort(event.target.reason);
  };
  for (const signal of signals) {
    if (signal.aborted) linked.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
  }
  const unlink = (): void => {
    for (const signal of signals) signal.removeEventListener("abort", onAbort);
  };
  return { signal: linked.signal, unlink };
}
