import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { SeedResult } from "./report.js";

// Processes that are killed in a simulation wait for ever, and hold what they know: a thread's memory grows.
const SEEDS_OF_A_THREAD = 500;

/** Runs seeds `first`, `first + 1`, ..., each thread one at a time. In the order in which they end. */
export async function runSeeds(
  first: number,
  seeds: number,
  threads: number,
  onResult: (result: SeedResult) => void,
): Promise<void> {
  let next = first;
  await Promise.all(
    Array.from({ length: Math.min(threads, seeds) }, async () => {
      while (next < first + seeds) {
        const thread = new Worker(new URL("./seed-thread.js", import.meta.url));
        try {
          for (let i = 0; i < SEEDS_OF_A_THREAD && next < first + seeds; i++) {
            thread.postMessage(next);
            next += 1;
            const [result] = (await once(thread, "message")) as [SeedResult];
            onResult(result);
          }
        } finally {
          await thread.terminate();
        }
      }
    }),
  );
}
