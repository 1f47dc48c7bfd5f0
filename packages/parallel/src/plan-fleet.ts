import type { Traffic } from "./cost.js";

/** A worker as the planner sees it. */
export interface PlanWorker {
  readonly id: string;
  /** Measured floating-point operations a second. */
  readonly rate: number;
  /** What it may use; Infinity when nobody said. */
  readonly memoryBytes: number;
  /** On cuda every cut between two graphs passes host memory. */
  readonly device: "cpu" | "cuda" | "webgpu";
  /** The form of the transformer that it has loaded: one graph, or segments; undefined when none. */
  readonly form?: TransformerForm | undefined;
}

/** One graph for ranks that share no rows, segments between exchanges for those that do. */
export type TransformerForm = "whole" | "segments";

/** What was measured between two workers. */
export interface Link {
  readonly bytesPerSecond: number;
  readonly latencySeconds: number;
}

/** The workers that are free, and what lies between them. */
export interface Fleet {
  /** At least one; neighbours (same host, same switch) side by side if the caller knows. */
  readonly workers: readonly PlanWorker[];
  link(from: string, to: string): Link;
  /** Between device and host, each way alone. */
  readonly hostBytesPerSecond: number;
}

/**
 * What the cuts of a 5B layer were seen to get through onnxruntime-node on an H200 with PCIe 5.0 x16, where pageable
 * memory alone is copied at 15 to 18 GB/s: outputs land in memory that was never touched, and are copied again (docs/log.md).
 */
export const DEFAULT_HOST_BYTES_PER_SECOND = 1.2e9;

/** How long messages take that all ranks send at once. */
export interface WireTime {
  /** Of the busiest port: what it sends, or what it receives, one message after the other. */
  readonly seconds: number;
  /** Of the slowest link that carries any. */
  readonly latencySeconds: number;
}

/** Times `bytes` by sender, by receiver, between workers `ids` by rank. Ports send and receive at the same time. */
export function wireTime(bytes: Traffic, ids: readonly string[], link: Fleet["link"]): WireTime {
  const sent = ids.map(() => 0);
  const received = ids.map(() => 0);
  let latencySeconds = 0;
  for (const [from, row] of bytes.entries())
    for (const [to, count] of row.entries()) {
      if (count === 0) continue;
      const { bytesPerSecond, latencySeconds: latency } = link(ids[from] as string, ids[to] as string);
      const seconds = count / bytesPerSecond;
      sent[from] = (sent[from] as number) + seconds;
      received[to] = (received[to] as number) + seconds;
      latencySeconds = Math.max(latencySeconds, latency);
    }
  return { seconds: Math.max(0, ...sent, ...received), latencySeconds };
}
