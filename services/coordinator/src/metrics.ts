import { ERROR_CODES, isErrorCode } from "@cogfleet/core";
import { buckets } from "@cogfleet/service";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { STAGES } from "./job.js";
import { FAILURE_SIGNS, LOSS_SIGNS, type Observer, RETRY_CAUSES } from "./observer.js";

/** What the gauges show when they are read. */
export interface Snapshot {
  readonly queued: number;
  readonly running: number;
  readonly idleWorkers: number;
  readonly busyWorkers: number;
  readonly drainingWorkers: number;
  /** Groups that compute, by their number of ranks. */
  readonly groups: ReadonlyMap<number, number>;
  /** For how long the job that has waited longest for its next step has done so while it ran; 0 when none runs. */
  readonly stepAgeSeconds: number;
  /** 0 when nothing waits. */
  readonly oldestQueuedSeconds: number;
  /** Work that is left, by model. */
  readonly backlogSeconds: readonly (readonly [model: string, seconds: number])[];
  readonly isStoreUp: boolean;
  /** Whether this process, of those that share the store, gives jobs to workers. */
  readonly isLeader: boolean;
}

export interface CoordinatorMetrics {
  readonly observer: Observer;
  readonly callEnded: (call: { readonly method: string; readonly code: string }) => void;
  readonly eventLoopLag: (seconds: number) => void;
  /** A certificate was read, and holds until then: Unix time. */
  readonly certificateRead: (certificate: "own" | "authority", expiresAtSeconds: number) => void;
}

/** What the coordinator counts and measures, apart from what it is asked for at each scrape. */
type Instruments = ReturnType<typeof instruments>;

/**
 * Every metric of the coordinator, in one place, on the registry it is given. Names are an interface: dashboards,
 * alerts and the autoscaler read them, so renaming is a breaking change. docs/metrics.md lists them.
 */
export function createCoordinatorMetrics(registry: Registry, snapshot: () => Snapshot): CoordinatorMetrics {
  const made = instruments(registry);
  showZeros(made);
  addGauges(registry, snapshot);
  return {
    observer: observerOf(made),
    callEnded: (call) => made.handled.inc(call),
    eventLoopLag: (seconds) => made.lag.observe(seconds),
    certificateRead: (certificate, expiresAt) => made.certificate.set({ certificate }, expiresAt),
  };
}

function instruments(registry: Registry) {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]): Counter<L> =>
    new Counter({ name: `cogfleet_${name}`, help, labelNames, registers });
  const histogram = <L extends string>(
    name: string,
    help: string,
    bounds: number[],
    ...labelNames: L[]
  ): Histogram<L> =>
    new Histogram({ name: `cogfleet_${name}`, help, buckets: bounds, labelNames, registers });
  return {
    submitted: counter("jobs_submitted_total", "Jobs admitted.", "model"),
    finished: counter(
      "jobs_finished_total",
      "Jobs that ended; reason is set for outcome failed.",
      "model",
      "outcome",
      "reason",
    ),
    queueWait: histogram(
      "job_queue_wait_seconds",
      "From when a job began to wait until a worker got it.",
      buckets.WAIT_SECONDS,
    ),
    duration: histogram(
      "job_duration_seconds",
      "From submission to the end of a job.",
      buckets.JOB_SECONDS,
      "outcome",
    ),
    stage: histogram(
      "job_stage_seconds",
      "Wall time of a stage on its worker.",
      buckets.STAGE_SECONDS,
      "stage",
    ),
    rejected: counter("submit_rejected_total", "Submissions refused, by error code.", "reason"),
    deduplicated: counter(
      "submit_deduplicated_total",
      "Submissions answered with the job of an earlier one with the same idempotency key.",
    ),
    step: histogram(
      "step_seconds",
      "Wall time of one denoising step of a job, by its number of ranks.",
      buckets.STEP_SECONDS,
      "degree",
    ),
    steps: counter("steps_total", "Denoising steps done."),
    recomputed: counter(
      "steps_recomputed_total",
      "Steps that have to be computed again, by what ended the attempt: those after its last checkpoint, and the one under way.",
      "cause",
    ),
    lost: counter("workers_lost_total", "Workers that disappeared without draining.", "detected_by"),
    detection: histogram(
      "detection_seconds",
      "From the last sign of life of a worker, or the last step of a group, until its failure was noticed.",
      buckets.DETECTION_SECONDS,
      "detected_by",
    ),
    recovery: histogram(
      "recovery_seconds",
      "From when the failure of an attempt was noticed until its job got on: its next step was done, or decoding began.",
      buckets.RECOVERY_SECONDS,
    ),
    preemptions: counter("preemptions_total", "Running jobs that were stopped for one of higher priority."),
    missed: counter("deadline_missed_total", "Jobs that were not done by their deadline."),
    straggler: histogram(
      "step_straggler_ratio",
      "Compute time of the slowest rank of a step, divided by that of the median rank.",
      buckets.STRAGGLER_RATIO,
    ),
    estimateError: histogram(
      "estimate_error_ratio",
      "Work-seconds that a job took, by those that were expected of it.",
      buckets.ERROR_RATIO,
    ),
    resizes: counter("group_resizes_total", "Attempts with another number of ranks than the job had before."),
    checkpointBytes: histogram(
      "checkpoint_bytes",
      "Sizes of the states that were stored after steps.",
      buckets.TENSOR_BYTES,
    ),
    checkpointWrite: histogram(
      "checkpoint_write_seconds",
      "From the first byte of a state until it was durable.",
      buckets.WRITE_SECONDS,
    ),
    artifactErrors: counter(
      "artifact_write_errors_total",
      "Artifacts and checkpoints that could not be written, by error code; what was wrong with the data does not count.",
      "reason",
    ),
    fenced: counter("fenced_writes_total", "Reports refused because their epoch was over."),
    damaged: counter(
      "store_damaged_total",
      "Records of the job store, or parts of it, that could not be read and were set aside.",
    ),
    handled: counter("grpc_server_handled_total", "gRPC calls that ended.", "method", "code"),
    lag: histogram(
      "event_loop_lag_seconds",
      "Worst lateness of the event loop in each second.",
      buckets.LAG_SECONDS,
    ),
    certificate: new Gauge({
      name: "cogfleet_certificate_expiry_timestamp_seconds",
      help: "Until when the TLS certificate that is in use holds, Unix time; absent without TLS.",
      labelNames: ["certificate"] as const,
      registers,
    }),
  };
}

/** A counter that is first seen at 1 shows no increase: what can be counted is there from the start. */
function showZeros(made: Instruments): void {
  for (const detected_by of LOSS_SIGNS) made.lost.inc({ detected_by }, 0);
  for (const detected_by of FAILURE_SIGNS) made.detection.zero({ detected_by });
  for (const cause of RETRY_CAUSES) made.recomputed.inc({ cause }, 0);
  for (const stage of STAGES) made.stage.zero({ stage });
  for (const reason of ["resource_exhausted", "unavailable", "internal"])
    made.artifactErrors.inc({ reason }, 0);
}

function observerOf(made: Instruments): Observer {
  const ended = { outcome: "failed", reason: "other" } as const;
  const known = (reason: string): string => (reason === "" || isErrorCode(reason) ? reason : ended.reason);
  return {
    modelOffered: (model) => {
      made.submitted.inc({ model }, 0);
      for (const outcome of ["completed", "cancelled"]) made.finished.inc({ model, outcome, reason: "" }, 0);
      for (const reason of [...ERROR_CODES, ended.reason])
        made.finished.inc({ model, outcome: ended.outcome, reason }, 0);
    },
    jobSubmitted: (model) => made.submitted.inc({ model }),
    submitDeduplicated: () => made.deduplicated.inc(),
    submitRejected: (reason) => made.rejected.inc({ reason: known(reason) }),
    jobFinished: ({ model, outcome, reason, seconds }) => {
      made.finished.inc({ model, outcome, reason: known(reason) });
      made.duration.observe({ outcome }, seconds);
    },
    jobAssigned: (seconds) => made.queueWait.observe(seconds),
    stageDone: (stage, seconds) => made.stage.observe({ stage }, seconds),
    stepDone: (degree, seconds) => {
      made.steps.inc();
      made.step.observe({ degree: String(degree) }, seconds);
    },
    workerLost: (detectedBy) => made.lost.inc({ detected_by: detectedBy }),
    failureNoticed: (detectedBy, seconds) => made.detection.observe({ detected_by: detectedBy }, seconds),
    stepsLost: (cause, steps) => made.recomputed.inc({ cause }, steps),
    jobRecovered: (seconds) => made.recovery.observe(seconds),
    jobPreempted: () => made.preemptions.inc(),
    deadlineMissed: () => made.missed.inc(),
    stragglerMeasured: (ratio) => made.straggler.observe(ratio),
    estimateMeasured: (ratio) => made.estimateError.observe(ratio),
    groupResized: () => made.resizes.inc(),
    checkpointStored: (bytes, seconds) => {
      made.checkpointBytes.observe(bytes);
      made.checkpointWrite.observe(seconds);
    },
    artifactWriteFailed: (reason) => made.artifactErrors.inc({ reason: known(reason) }),
    writeFenced: () => made.fenced.inc(),
    dataDamaged: () => made.damaged.inc(),
  };
}

function addGauges(registry: Registry, snapshot: () => Snapshot): void {
  const seen = oncePerTurn(snapshot);
  const gauge = <L extends string>(
    name: string,
    help: string,
    show: (gauge: Gauge<L>, now: Snapshot) => void,
    ...labelNames: L[]
  ): void => {
    new Gauge({
      name: `cogfleet_${name}`,
      help,
      labelNames,
      registers: [registry],
      collect() {
        show(this, seen());
      },
    });
  };
  const degrees = new Set<number>();
  gauge(
    "jobs",
    "Jobs that have not ended.",
    (jobs, { queued, running }) => {
      jobs.set({ state: "queued" }, queued);
      jobs.set({ state: "running" }, running);
    },
    "state",
  );
  gauge(
    "workers",
    "Workers that are connected.",
    (workers, { idleWorkers, busyWorkers, drainingWorkers }) => {
      workers.set({ state: "idle" }, idleWorkers);
      workers.set({ state: "busy" }, busyWorkers);
      workers.set({ state: "draining" }, drainingWorkers);
    },
    "state",
  );
  gauge(
    "groups",
    "Groups of workers that compute a job, by their number of ranks.",
    (groups, now) => {
      // One that was seen once goes back to 0, and does not vanish.
      for (const degree of now.groups.keys()) degrees.add(degree);
      for (const degree of degrees) groups.set({ degree: String(degree) }, now.groups.get(degree) ?? 0);
    },
    "degree",
  );
  gauge(
    "oldest_queued_age_seconds",
    "How long the oldest waiting job has waited; 0 when none waits.",
    (oldest, { oldestQueuedSeconds }) => oldest.set(oldestQueuedSeconds),
  );
  gauge(
    "step_age_seconds",
    "Of the running jobs that have steps to do, the longest time for which one has done none; 0 when there is no such job.",
    (age, { stepAgeSeconds }) => age.set(stepAgeSeconds),
  );
  gauge(
    "backlog_work_seconds",
    "Seconds that one worker would take for what is left of the waiting and running jobs.",
    (backlog, { backlogSeconds }) => {
      for (const [model, seconds] of backlogSeconds) backlog.set({ model }, seconds);
    },
    "model",
  );
  gauge("store_up", "1 while the job store answers and takes writes, else 0.", (up, { isStoreUp }) =>
    up.set(isStoreUp ? 1 : 0),
  );
  gauge(
    "leader",
    "1 while this process is the one that gives jobs to workers, else 0.",
    (leader, { isLeader }) => leader.set(isLeader ? 1 : 0),
  );
}

/** All gauges of a scrape show the same moment, and it is looked at once. */
function oncePerTurn<T>(look: () => T): () => T {
  let seen: { readonly value: T } | undefined;
  return () => {
    if (seen === undefined) {
      seen = { value: look() };
      queueMicrotask(() => {
        seen = undefined;
      });
    }
    return seen.value;
  };
}
