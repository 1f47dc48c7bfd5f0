import {
  Backlog,
  Capacities,
  drainTarget,
  type Job,
  type JobRequest,
  type JobWork,
  jobWork,
  newJob,
  type ScaleTarget,
  scaleFigures,
  totalWork,
} from "@cogfleet/coordinator/testing";
import { type Arrival, CONFIGS, DAY_SECONDS } from "./autoscaling-day.js";
import {
  type AutoscalerSettings,
  KubernetesAutoscaler,
  type MetricReading,
} from "./kubernetes-autoscaler.js";

/** How the number of workers is found. */
export type Policy =
  | { readonly kind: "work" }
  /** By the number of jobs that wait or run. */
  | { readonly kind: "count"; readonly jobsPerReplica: number }
  | { readonly kind: "fixed"; readonly replicas: number };

export interface DayResult {
  /** Jobs that were done in time, as a fraction. */
  readonly attained: number;
  /** Seconds between submission and the first start, 95 of 100 jobs wait less. */
  readonly waitP95: number;
  /** Hours that workers existed, those in which they started included. */
  readonly gpuHours: number;
  /** Seconds of work that was done again because a worker was taken away. */
  readonly lostSeconds: number;
  /** Jobs that were moved from a worker that was taken away. */
  readonly moved: number;
  readonly mostReplicas: number;
}

export interface DayOptions {
  readonly policy: Policy;
  readonly target: ScaleTarget;
  readonly settings: AutoscalerSettings;
  /** From when a replica is wanted until its worker takes jobs. */
  readonly coldStartSeconds: number;
  /** A job is in time when it is done by this and what it computes itself. */
  readonly sloSeconds: number;
}

/** Operations a second of a worker. */
const RATE = 4e13;
const NAME = "cogvideox-2b";
/** A worker that is told to end takes as long at most; a decode that is not done by then is lost. */
const GRACE_SECONDS = 115;

interface SimulatedJob {
  record: Job;
  readonly arrival: Arrival;
  /** True seconds. */
  readonly encode: number;
  readonly step: number;
  readonly decode: number;
  stepsDone: number;
  startedAt: number | undefined;
}

interface Worker {
  readonly readyAt: number;
  /** Undefined: it stays. */
  leavingAt: number | undefined;
  job: SimulatedJob | undefined;
  /** Seconds in the current attempt. */
  spent: number;
}

/**
 * One day of a fleet, second by second. The backlog and the replicas that are wanted are counted by the coordinator's
 * own code; workers are taken away from the highest number, and jobs are given to the lowest, as on a StatefulSet.
 */
export function simulateDay(day: readonly Arrival[], options: DayOptions): DayResult {
  const { policy, target, settings, coldStartSeconds, sloSeconds } = options;
  let now = 0;
  const clock = { now: () => 1000 * now, wallTime: () => 1000 * now, sleep: async () => {} };
  const capacities = new Capacities([{ ...FACTS, capacity: { configs: CONFIGS, flopsPerSecond: RATE } }]);
  const backlog = new Backlog({ capacities, clock, onEstimateMeasured: () => {} });
  const autoscaler = new KubernetesAutoscaler(settings);
  const waiting: SimulatedJob[] = [];
  const workers: Worker[] = [];
  const leaving: Worker[] = [];
  const waits: number[] = [];
  let attained = 0;
  let gpuSeconds = 0;
  let lostSeconds = 0;
  let moved = 0;
  let mostReplicas = 0;
  let finished = 0;
  let next = 0;

  const record = (job: SimulatedJob, over: Partial<Job>): void => {
    job.record = { ...job.record, ...over, lastSequence: job.record.lastSequence + 1 };
    backlog.follow(job.record);
  };
  const finish = (job: SimulatedJob): void => {
    record(job, { state: { kind: "completed", artifacts: [] }, finishedAt: 1000 * now });
    const own = job.encode + job.step * job.record.request.numInferenceSteps + job.decode;
    if (now - job.arrival.at <= sloSeconds + own) attained += 1;
    finished += 1;
  };
  const handBack = (job: SimulatedJob, again: number): void => {
    lostSeconds += again;
    moved += 1;
    const progress = { stage: undefined, step: job.stepsDone };
    record(job, { state: { kind: "queued" }, progress, workerIds: [] });
    waiting.unshift(job);
  };
  /** Lets a second pass for a worker; true when it has let go of its job. */
  const work = (worker: Worker): boolean => {
    const { job } = worker;
    if (job === undefined) return true;
    worker.spent += 1;
    const { numInferenceSteps: steps } = job.record.request;
    const before = job.stepsDone;
    const denoised = worker.spent - job.encode;
    const start = job.record.checkpoint?.step ?? 0;
    job.stepsDone = Math.min(steps, start + Math.max(0, Math.floor(denoised / job.step)));
    const isDecoding = job.stepsDone === steps;
    if (isDecoding && denoised - (steps - start) * job.step >= job.decode) {
      worker.job = undefined;
      finish(job);
      return true;
    }
    if (job.stepsDone === before && !(isDecoding && job.record.progress.stage !== "decode")) {
      if (worker.leavingAt === undefined || now - worker.leavingAt < GRACE_SECONDS) return false;
    } else record(job, { progress: { stage: isDecoding ? "decode" : "denoise", step: job.stepsDone } });
    // One that leaves lets go after the step in flight, and finishes what it decodes if there is time.
    const isOver = worker.leavingAt !== undefined && now - worker.leavingAt >= GRACE_SECONDS;
    if (worker.leavingAt === undefined || (isDecoding && !isOver)) return false;
    worker.job = undefined;
    const decoded = isDecoding ? denoised - (steps - start) * job.step : 0;
    record(job, { checkpoint: { epoch: 1, step: job.stepsDone, bytes: 1, sha256: "" } });
    handBack(job, job.encode + decoded);
    return true;
  };

  for (now = 0; finished < day.length; now++) {
    for (; (day[next]?.at ?? Number.POSITIVE_INFINITY) <= now; next++) {
      const job = simulated(day[next] as Arrival, next, 1000 * now);
      backlog.follow(job.record);
      waiting.push(job);
    }
    const figures = scaleFigures(target, backlog.figures(NAME), true, 1000 * now);
    if (policy.kind === "fixed") autoscaler.replicas = policy.replicas;
    else autoscaler.tick(now, figures.isActive, readings(policy, target, figures, backlog));
    mostReplicas = Math.max(mostReplicas, autoscaler.replicas);

    while (workers.length < autoscaler.replicas)
      workers.push({ readyAt: now + coldStartSeconds, leavingAt: undefined, job: undefined, spent: 0 });
    while (workers.length > autoscaler.replicas) {
      const worker = workers.pop() as Worker;
      worker.leavingAt = now;
      leaving.push(worker);
    }
    for (const worker of workers) {
      if (worker.job !== undefined || worker.readyAt > now) continue;
      const job = waiting.shift();
      if (job === undefined) break;
      worker.job = job;
      worker.spent = 0;
      if (job.startedAt === undefined) waits.push(now - job.arrival.at);
      job.startedAt ??= now;
      const attempts = job.record.attempts + 1;
      record(job, {
        state: { kind: "running", isCancelAsked: false },
        workerIds: ["w"],
        startedAt: 1000 * now,
        attempts,
      });
    }
    gpuSeconds += workers.length + leaving.length;
    for (const worker of workers) work(worker);
    for (const worker of leaving.splice(0)) if (!work(worker)) leaving.push(worker);
    if (now > 3 * DAY_SECONDS) throw new Error(`${day.length - finished} jobs were not done in three days`);
  }
  const sorted = waits.toSorted((a, b) => a - b);
  return {
    attained: attained / day.length,
    waitP95: sorted[Math.floor(0.95 * sorted.length)] ?? 0,
    gpuHours: gpuSeconds / 3600,
    lostSeconds,
    moved,
    mostReplicas,
  };
}

/** What a job of the day takes one worker on average, seconds, as the planner expects. */
export function meanWorkSeconds(day: readonly Arrival[]): number {
  return day.reduce((sum, arrival) => sum + totalWork(workOf(requestOf(arrival))) / RATE, 0) / day.length;
}

/** The metrics of the coordinator's external scaler (rpc/scaler-handlers.ts), or a count of jobs in their place. */
function readings(
  policy: Exclude<Policy, { kind: "fixed" }>,
  target: ScaleTarget,
  figures: ReturnType<typeof scaleFigures>,
  backlog: Backlog,
): readonly MetricReading[] {
  const { backlogWorkSeconds, byAge, byDegrees, byFirstWorker } = figures;
  if (policy.kind === "work")
    return [
      { value: backlogWorkSeconds, target: drainTarget(target) },
      { value: Math.max(byAge, byDegrees, byFirstWorker), target: 1 },
    ];
  const { queuedJobs, runningJobs } = backlog.figures(NAME);
  return [{ value: queuedJobs + runningJobs, target: policy.jobsPerReplica }];
}

function simulated(arrival: Arrival, index: number, at: number): SimulatedJob {
  const request = requestOf(arrival);
  const { encode, denoise, decode } = workOf(request);
  const seconds = (operations: number): number => (operations / RATE) * arrival.truth;
  const admitted = { id: `job-${index}`, request, modelDigest: FACTS.digest, bodySha256: "", warnings: [] };
  return {
    record: newJob(admitted, at).job,
    arrival,
    encode: seconds(encode),
    step: seconds(denoise) / request.numInferenceSteps,
    decode: seconds(decode),
    stepsDone: 0,
    startedAt: undefined,
  };
}

const works = new Map<string, JobWork>();

function workOf(request: JobRequest): JobWork {
  const key = `${request.numFrames} ${request.height} ${request.width} ${request.numInferenceSteps}`;
  const work = works.get(key) ?? jobWork(CONFIGS, request);
  if (work === undefined) throw new Error(`a job of ${key} cannot be computed`);
  works.set(key, work);
  return work;
}

const FACTS = {
  name: NAME,
  digest: "d",
  variant: "1.0",
  minHeight: 16,
  maxHeight: 480,
  minWidth: 16,
  maxWidth: 720,
  maxNumFrames: 49,
  defaultScheduler: "ddim",
  defaultHeight: 480,
  defaultWidth: 720,
  defaultNumFrames: 49,
  defaultFps: 8,
  maxTextSeqLength: 226,
  fixedSequenceLength: false,
} as const;

function requestOf({ numFrames, height, width, numInferenceSteps }: Arrival): JobRequest {
  return {
    prompt: "",
    negativePrompt: "",
    seed: 1,
    numInferenceSteps,
    guidanceScale: 6,
    useDynamicCfg: false,
    scheduler: "ddim",
    numFrames,
    height,
    width,
    fps: 8,
    maxSequenceLength: 226,
    vaeTiling: false,
    model: NAME,
    parallel: "auto",
    idempotencyKey: undefined,
    priority: 0,
    labels: {},
    embedMetadata: true,
    extraArtifacts: [],
    tenant: "",
    deadline: undefined,
    maxRunSeconds: undefined,
    allowVaeTilingFallback: false,
  };
}
