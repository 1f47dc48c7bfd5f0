import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Observer } from "./observer.js";

/** What the gauges show when they are read. */
export interface Snapshot {
  readonly queued: number;
  readonly running: number;
  readonly idleWorkers: number;
  readonly busyWorkers: number;
  readonly drainingWorkers: number;
  /** Work that is left, by model. */
  readonly backlogSeconds: readonly (readonly [model: string, seconds: number])[];
  /** 0 when nothing waits. */
  readonly oldestQueuedSeconds: number;
}

export interface CoordinatorMetrics {
  readonly observer: Observer;
  readonly callEnded: (call: { readonly method: string; readonly code: string }) => void;
}

const JOB_BUCKETS = [5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200];
const WAIT_BUCKETS = [0.1, 0.5, 1, 5, 15, 60, 180, 600, 1800, 3600];
const DETECTION_BUCKETS = [0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 30, 60];
const RATIO_BUCKETS = [0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 4, 10];
const STEP_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * Every metric of the coordinator, in one place, on the registry it is given. Names are an interface: dashboards,
 * alerts and the autoscaler read them, so renaming is a breaking change.
 */
export function createCoordinatorMetrics(registry: Registry, snapshot: () => Snapshot): CoordinatorMetrics {
  const registers = [registry];
  const submitted = new Counter({
    name: "cogfleet_jobs_submitted_total",
    help: "Jobs admitted.",
    labelNames: ["model"] as const,
    registers,
  });
  const finished = new Counter({
    name: "cogfleet_jobs_finished_total",
    help: "Jobs that ended; reason is set for outcome failed.",
    labelNames: ["model", "outcome", "reason"] as const,
    registers,
  });
  const queueWait = new Histogram({
    name: "cogfleet_job_queue_wait_seconds",
    help: "From when a job began to wait until a worker got it.",
    buckets: WAIT_BUCKETS,
    registers,
  });
  const duration = new Histogram({
    name: "cogfleet_job_duration_seconds",
    help: "From submission to the end of a job.",
    labelNames: ["outcome"] as const,
    buckets: JOB_BUCKETS,
    registers,
  });
  const estimateError = new Histogram({
    name: "cogfleet_estimate_error_ratio",
    help: "Work-seconds that a job took, by those that were expected of it.",
    buckets: RATIO_BUCKETS,
    registers,
  });
  const stage = new Histogram({
    name: "cogfleet_job_stage_seconds",
    help: "Wall time of a stage on its worker.",
    labelNames: ["stage"] as const,
    buckets: JOB_BUCKETS,
    registers,
  });
  const rejected = new Counter({
    name: "cogfleet_submit_rejected_total",
    help: "Submissions refused, by error code.",
    labelNames: ["reason"] as const,
    registers,
  });
  const deduplicated = new Counter({
    name: "cogfleet_submit_deduplicated_total",
    help: "Submissions answered with the job of an earlier one with the same idempotency key.",
    registers,
  });
  const stepSeconds = new Histogram({
    name: "cogfleet_step_seconds",
    help: "Wall time of one denoising step of a job, by its number of ranks.",
    labelNames: ["degree"] as const,
    buckets: STEP_BUCKETS,
    registers,
  });
  const steps = new Counter({ name: "cogfleet_steps_total", help: "Denoising steps done.", registers });
  const lost = new Counter({
    name: "cogfleet_workers_lost_total",
    help: "Workers that disappeared without draining.",
    labelNames: ["detected_by"] as const,
    registers,
  });
  const detection = new Histogram({
    name: "cogfleet_detection_seconds",
    help: "From the last sign of life of a worker, or the last step of a group, until its failure was noticed.",
    labelNames: ["detected_by"] as const,
    buckets: DETECTION_BUCKETS,
    registers,
  });
  const fenced = new Counter({
    name: "cogfleet_fenced_writes_total",
    help: "Reports refused because their epoch was over.",
    registers,
  });
  const damaged = new Counter({
    name: "cogfleet_store_damaged_total",
    help: "Records of the job store, or parts of it, that could not be read and were set aside.",
    registers,
  });
  const handled = new Counter({
    name: "cogfleet_grpc_server_handled_total",
    help: "gRPC calls that ended.",
    labelNames: ["method", "code"] as const,
    registers,
  });
  addGauges(registry, snapshot);
  return {
    observer: {
      jobSubmitted: (model) => submitted.inc({ model }),
      submitDeduplicated: () => deduplicated.inc(),
      submitRejected: (reason) => rejected.inc({ reason }),
      jobFinished: ({ model, outcome, reason, seconds }) => {
        finished.inc({ model, outcome, reason });
        duration.observe({ outcome }, seconds);
      },
      jobAssigned: (seconds) => queueWait.observe(seconds),
      estimateMeasured: (ratio) => estimateError.observe(ratio),
      stageDone: (name, seconds) => stage.observe({ stage: name }, seconds),
      stepDone: (degree, seconds) => {
        steps.inc();
        stepSeconds.observe({ degree: String(degree) }, seconds);
      },
      workerLost: (detectedBy) => lost.inc({ detected_by: detectedBy }),
      failureNoticed: (detectedBy, seconds) => detection.observe({ detected_by: detectedBy }, seconds),
      writeFenced: () => fenced.inc(),
      dataDamaged: () => damaged.inc(),
    },
    callEnded: (call) => handled.inc(call),
  };
}

function addGauges(registry: Registry, snapshot: () => Snapshot): void {
  new Gauge({
    name: "cogfleet_jobs",
    help: "Jobs that have not ended.",
    labelNames: ["state"] as const,
    registers: [registry],
    collect() {
      const { queued, running } = snapshot();
      this.set({ state: "queued" }, queued);
      this.set({ state: "running" }, running);
    },
  });
  new Gauge({
    name: "cogfleet_workers",
    help: "Workers that are connected.",
    labelNames: ["state"] as const,
    registers: [registry],
    collect() {
      const { idleWorkers, busyWorkers, drainingWorkers } = snapshot();
      this.set({ state: "idle" }, idleWorkers);
      this.set({ state: "busy" }, busyWorkers);
      this.set({ state: "draining" }, drainingWorkers);
    },
  });
  new Gauge({
    name: "cogfleet_backlog_work_seconds",
    help: "Seconds that one worker would take for what is left of the waiting and running jobs.",
    labelNames: ["model"] as const,
    registers: [registry],
    collect() {
      for (const [model, seconds] of snapshot().backlogSeconds) this.set({ model }, seconds);
    },
  });
  new Gauge({
    name: "cogfleet_oldest_queued_age_seconds",
    help: "How long the oldest waiting job has waited; 0 when none waits.",
    registers: [registry],
    collect() {
      this.set(snapshot().oldestQueuedSeconds);
    },
  });
}
