import { setMaxListeners } from "node:events";

/** A signal of its own that also aborts when any of some others does. `unlink` when done, so that they forget it. */
export interface Linked {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
  unlink(): void;
}

/** AbortSignal.any, which also can be aborted, and leaves nothing behind on signals that live long. */
export function linked(...signals: readonly AbortSignal[]): Linked {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const undo = signals.map((signal) => {
    const onAbort = (): void => controller.abort(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    return () => signal.removeEventListener("abort", onAbort);
  });
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    unlink: () => {
      for (const forget of undo) forget();
    },
  };
}
