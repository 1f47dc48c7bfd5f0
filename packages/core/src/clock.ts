/** Time, as a dependency. */
export interface Clock {
  /** Monotonic milliseconds, never wall time: for leases, durations, deadlines. */
  now(): number;
  /** Wall time, milliseconds since 1970 in UTC: only to show and to store, never to decide. */
  wallTime(): number;
  /** Resolves after `ms`; rejects with the signal's reason if it aborts first. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const timer = setTimeout(done, ms);
      signal.addEventListener("abort", onAbort, { once: true });
      function done(): void {
        signal.removeEventListener("abort", onAbort);
        resolve();
      }
      function onAbort(): void {
        clearTimeout(timer);
        reject(signal.reason);
      }
    }),
};
