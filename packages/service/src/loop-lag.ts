import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Clock } from "@cogfleet/core";

const RESOLUTION_MS = 10;

/** How late the event loop was. */
export interface LoopLag {
  /** Milliseconds by which a timer was late at worst since the last call. */
  takeMs(): number;
  stop(): void;
}

/** Watches the event loop of this thread until it is stopped. */
export function watchLoopLag(): LoopLag {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return {
    takeMs() {
      const worst = histogram.max / 1e6; // nanoseconds from tick to tick
      histogram.reset();
      return Math.max(0, worst - RESOLUTION_MS);
    },
    stop: () => histogram.disable(),
  };
}

/** Tells the worst lag of every interval, until the signal aborts. For a process without heartbeats to do it at. */
export async function reportLoopLag(
  { clock, intervalMs, onLag }: { clock: Clock; intervalMs: number; onLag: (seconds: number) => void },
  signal: AbortSignal,
): Promise<void> {
  const lag = watchLoopLag();
  try {
    while (!signal.aborted) {
      await clock.sleep(intervalMs, signal).catch(() => {});
      if (!signal.aborted) onLag(lag.takeMs() / 1000);
    }
  } finally {
    lag.stop();
  }
}
