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
