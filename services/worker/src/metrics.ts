import { buckets } from "@cogfleet/service";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { ModelObserver } from "./load-model.js";
import type { ExchangeObserver } from "./measured-group.js";

/** What a worker measures. */
export interface WorkerObserver extends ModelObserver, ExchangeObserver {
  coldStartPhase(phase: "checkpoint" | "sessions" | "connect" | "first_step", seconds: number): void;
  eventLoopLag(seconds: number): void;
  /** A certificate was read, and holds until then: Unix time. */
  certificateRead(certificate: "own" | "authority", expiresAtSeconds: number): void;
}

/**
 * Every metric of the worker, in one place, on the registry it is given. Names are an interface: dashboards and alerts
 * read them, so renaming is a breaking change. docs/metrics.md lists them. Jobs and their steps are the coordinator's.
 */
export function createWorkerMetrics(registry: Registry): WorkerObserver {
  const registers = [registry];
  const histogram = <L extends string>(
    name: string,
    help: string,
    bounds: number[],
    ...labelNames: L[]
  ): Histogram<L> =>
    new Histogram({ name: `cogfleet_${name}`, help, buckets: bounds, labelNames, registers });
  const compute = histogram(
    "step_compute_seconds",
    "Time of a step in which this worker ran the transformer's graphs.",
    buckets.STEP_SECONDS,
  );
  const exchange = histogram(
    "step_exchange_seconds",
    "Time of a step in which this worker exchanged tensors with the other ranks, or waited for them; some of it beside computing.",
    buckets.EXCHANGE_SECONDS,
    "op",
  );
  const bytes = new Counter({
    name: "cogfleet_exchange_bytes_total",
    help: "Bytes of tensors exchanged with other ranks.",
    labelNames: ["direction"] as const,
    registers,
  });
  const text = histogram(
    "text_encode_seconds",
    "Time to embed the new prompts of a job.",
    buckets.STAGE_SECONDS,
  );
  const decode = histogram(
    "vae_decode_seconds",
    "Time to decode the latents of a video, or this worker's part of them.",
    buckets.STAGE_SECONDS,
  );
  const lag = histogram(
    "event_loop_lag_seconds",
    "Worst lateness of the event loop between two heartbeats.",
    buckets.LAG_SECONDS,
  );
  const load = new Gauge({
    name: "cogfleet_session_load_seconds",
    help: "Time to load a component's graph and weights, the last time.",
    labelNames: ["component"] as const,
    registers,
  });
  const cold = new Gauge({
    name: "cogfleet_cold_start_seconds",
    help: "Reading the checkpoint; loading sessions; from start to the coordinator's welcome; from the first assignment to its first step done.",
    labelNames: ["phase"] as const,
    registers,
  });
  const certificate = new Gauge({
    name: "cogfleet_certificate_expiry_timestamp_seconds",
    help: "Until when the TLS certificate that is in use holds, Unix time; absent without TLS.",
    labelNames: ["certificate"] as const,
    registers,
  });
  // One that is first seen above 0 shows no increase.
  for (const direction of ["sent", "received"]) bytes.inc({ direction }, 0);
  return {
    transformerRan: (seconds) => compute.observe(seconds),
    exchanged: (direction, count) => bytes.inc({ direction }, count),
    stepExchanged: (op, seconds) => exchange.observe({ op }, seconds),
    textEncoded: (seconds) => text.observe(seconds),
    vaeDecoded: (seconds) => decode.observe(seconds),
    eventLoopLag: (seconds) => lag.observe(seconds),
    sessionLoaded: (component, seconds) => load.set({ component }, seconds),
    certificateRead: (which, expiresAt) => certificate.set({ certificate: which }, expiresAt),
    coldStartPhase: (phase, seconds) => cold.set({ phase }, seconds),
  };
}
