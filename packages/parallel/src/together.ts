import { setMaxListeners } from "node:events";

/**
 * Runs the parts of a collective beside each other. When one fails, the others are aborted, and its reason is thrown
 * once all have settled: until then they may touch the buffers they were lent.
 */
export async function together(
  parts: readonly ((signal: AbortSignal) => Promise<void>)[],
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const stop = new AbortController();
  setMaxListeners(0, stop.signal); // one listener a part is no leak
  const onAbort = (): void => stop.abort(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  let failure: { readonly reason: unknown } | undefined;
  const guarded = parts.map(async (part) => {
    try {
      await part(stop.signal);
    } catch (reason) {
      failure ??= { reason };
      stop.abort(reason);
    }
  });
  await Promise.all(guarded);
  signal.removeEventListener("abort", onAbort);
  if (failure !== undefined) throw failure.reason;
}
