import type { Clock } from "@cogfleet/core";

const LOOK_MS = 1_000;

export interface ServingDeps {
  readonly clock: Clock;
  /** Why this process should get no work now, or undefined when it may. */
  readonly notReady: () => string | undefined;
  readonly setServing: (isServing: boolean) => void;
}

/** Keeps what health checks over gRPC say in step with the readiness probe, until the signal aborts and nothing is served. */
export async function followReadiness(
  { clock, notReady, setServing }: ServingDeps,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    setServing(notReady() === undefined);
    await clock.sleep(LOOK_MS, signal).catch(() => {});
  }
  setServing(false);
}
