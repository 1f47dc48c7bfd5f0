import { ClusterError } from "@cogfleet/core";
import type { Runtime, TextEncoder } from "@cogfleet/model";

type OpenTextEncoder = (runtime: Runtime, signal: AbortSignal) => Promise<TextEncoder>;

/**
 * A text encoder that is loaded for one batch of prompts, in a process that is ended after it: its memory is back
 * before denoising begins. `start` starts such a process.
 */
export function transientTextEncoder(start: () => Runtime, open: OpenTextEncoder): TextEncoder {
  return {
    async encode(ids, signal) {
      const runtime = start();
      try {
        return await (await open(runtime, signal)).encode(ids, signal);
      } catch (reason) {
        const error = ClusterError.from(reason);
        if (error.code !== "worker_lost") throw reason;
        // Not this worker's end: the next prompt starts another process.
        throw new ClusterError("resource_exhausted", `encoding the prompt: ${error.message}`, {
          cause: reason,
        });
      } finally {
        await runtime.close();
      }
    },
    async close() {},
  };
}

export const TEXT_ENCODER_MODES = ["auto", "resident", "transient"] as const;

/** Resident where all weights and what computing adds fit into four fifths of the memory that is free. */
export function textEncoderMode(
  choice: (typeof TEXT_ENCODER_MODES)[number],
  memory: { readonly neededBytes: number; readonly freeBytes: number },
): "resident" | "transient" {
  if (choice !== "auto") return choice;
  return memory.neededBytes <= 0.8 * memory.freeBytes ? "resident" : "transient";
}

/** A runtime that tells how long each graph took to load. */
export function timedRuntime(
  runtime: Runtime,
  now: () => number,
  onLoaded: (graph: string, seconds: number) => void,
): Runtime {
  const timed = async <T>(name: string, loading: Promise<T>): Promise<T> => {
    const startedAt = now();
    const loaded = await loading;
    onLoaded(name, (now() - startedAt) / 1000);
    return loaded;
  };
  return {
    isFar: runtime.isFar,
    open: (graph, signal) => timed(graph.name, runtime.open(graph, signal)),
    openTogether: (name, graphs, signal) => timed(name, runtime.openTogether(name, graphs, signal)),
    close: () => runtime.close(),
  };
}
