import { Gauge, Histogram, type Registry } from "prom-client";
import type { ModelObserver } from "./load-model.js";
import type { StepObserver } from "./run-assignment.js";

/** What a worker measures. */
export interface WorkerObserver extends ModelObserver, StepObserver {
  coldStartPhase(phase: "checkpoint" | "sessions" | "connect" | "first_step", seconds: number): void;
  eventLoopLag(seconds: number): void;
}

const STEP_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const STAGE_BUCKETS = [0.1, 0.5, 1, 2.5, 5, 15, 30, 60, 120, 300];
const LAG_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/**
 * Every metric of the worker, in one place, on the registry it is given. Names are an interface: dashboards and alerts
 * read them, so renaming is a breaking change.
 */
export function createWorkerMetrics(registry: Registry): WorkerObserver {
  const registers = [registry];
  const histogram = (name: string, help: string, buckets: number[]): Histogram =>
    new Histogram({ name: `cogfleet_${name}`, help, buckets, registers });
  const step = new Histogram({
    name: "cogfleet_step_seconds",
    help: "Wall time of one denoising step of a job, by its number of ranks.",
    labelNames: ["degree"] as const,
    buckets: STEP_BUCKETS,
    registers,
  });
  const compute = histogram("step_compute_seconds", "Time of a step inside the transformer.", STEP_BUCKETS);
  const text = histogram("text_encode_seconds", "Time to embed the new prompts of a job.", STAGE_BUCKETS);
  const decode = histogram("vae_decode_seconds", "Time to decode the latents of a video.", STAGE_BUCKETS);
  const lag = histogram(
    "event_loop_lag_seconds",
    "Worst lateness of the event loop between two heartbeats.",
    LAG_BUCKETS,
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
  return {
    stepDone: (ranks, seconds) => step.observe({ degree: String(ranks) }, seconds),
    transformerRan: (seconds) => compute.observe(seconds),
    textEncoded: (seconds) => text.observe(seconds),
    vaeDecoded: (seconds) => decode.observe(seconds),
    eventLoopLag: (seconds) => lag.observe(seconds),
    sessionLoaded: (component, seconds) => load.set({ component }, seconds),
    coldStartPhase: (phase, seconds) => cold.set({ phase }, seconds),
  };
}
