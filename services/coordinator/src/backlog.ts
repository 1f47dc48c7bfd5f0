import type { Clock } from "@cogfleet/core";
import { MAX_RANKS } from "@cogfleet/parallel";
import type { Capacities } from "./capacity.js";
import { EstimateError } from "./estimate-error.js";
import { isTerminal, type Job, type JobRequest } from "./job.js";
import { type JobWork, jobWork, totalWork, workLeft } from "./job-work.js";
import { leastRanks } from "./planning.js";

/** What waits and what runs of one model. */
export interface BacklogFigures {
  readonly queuedJobs: number;
  readonly runningJobs: number;
  /** Workers that run jobs. */
  readonly busyWorkers: number;
  /** Seconds that one worker would take for what is left of all of them: estimated, and corrected by what was measured. */
  readonly workSeconds: number;
  /** The part of them that waits. */
  readonly queuedWorkSeconds: number;
  /** Since when the job that has waited longest does, wall time in milliseconds; undefined when none waits. */
  readonly oldestQueuedAt: number | undefined;
  /** The most workers that the pinned degrees of a job that waits or runs take; 0 when there is no job. */
  readonly minRanks: number;
  /** What estimates are multiplied by. */
  readonly correction: number;
}

export interface BacklogDeps {
  readonly capacities: Capacities;
  readonly clock: Clock;
  /** Told how far the estimate of a job was off that has completed: actual / estimate. */
  readonly onEstimateMeasured: (ratio: number) => void;
}

/** What was counted at some time. */
export type BacklogMark = ReadonlyMap<string, object>;

/** Of a model whose sizes nobody told, until the first of its jobs has been measured. */
const UNKNOWN_JOB_SECONDS = 60;
const MEMORIZED_SHAPES = 1_000;

interface Entry {
  readonly model: string;
  /** Operations that are left. */
  readonly left: number;
  readonly minRanks: number;
  /** Workers that run it. */
  readonly ranks: number;
  /** Wall time, milliseconds; undefined: it runs. */
  readonly queuedAt: number | undefined;
  readonly lastSequence: number;
}

/**
 * The work that is to be done, by model, kept up with every change of a job: a change costs the same whether ten jobs
 * wait or a hundred thousand, and reading costs nothing. It follows what is stored, so that every replica of the
 * coordinator counts alike.
 */
export class Backlog {
  readonly #deps: BacklogDeps;
  readonly #entries = new Map<string, Entry>();
  readonly #models = new Map<string, ModelBacklog>();
  readonly #shapes = new Map<string, JobWork>();
  readonly #listeners = new Set<() => void>();

  constructor(deps: BacklogDeps) {
    this.#deps = deps;
  }

  /** The job as it was stored just now. */
  follow(job: Job): void {
    const before = this.#entries.get(job.id);
    if (before !== undefined && before.lastSequence > job.lastSequence) return;
    if (isTerminal(job.state.kind)) {
      // Measured once: by whoever counted it until now.
      if (before !== undefined) this.#measure(job);
      this.forget(job.id);
      return;
    }
    // One that is queued again waits from now on; of one that was queued before this process came, its last start is known.
    const queuedAt = before === undefined ? (job.startedAt ?? job.createdAt) : this.#deps.clock.wallTime();
    const entry: Entry = {
      model: job.request.model,
      left: workLeft(this.#workOf(job.request), job),
      minRanks: leastRanks(job.request.parallel),
      ranks: job.state.kind === "queued" ? 0 : Math.max(1, job.workerIds.length),
      queuedAt: job.state.kind === "queued" ? (before?.queuedAt ?? queuedAt) : undefined,
      lastSequence: job.lastSequence,
    };
    this.#entries.set(job.id, entry);
    this.#model(entry.model).replace(job.id, before, entry);
    this.#tell();
  }

  /** A job was removed. */
  forget(jobId: string): void {
    const entry = this.#entries.get(jobId);
    if (entry === undefined) return;
    this.#entries.delete(jobId);
    this.#model(entry.model).replace(jobId, entry, undefined);
    this.#tell();
  }

  /** Calls `listener` after each change; returns what stops that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What is counted now, for `sweep`. */
  mark(): BacklogMark {
    return new Map(this.#entries);
  }

  /** Forgets what was counted at the mark, has not changed since, and is not stored as waiting or running. */
  sweep(mark: BacklogMark, stored: ReadonlySet<string>): void {
    for (const [jobId, entry] of mark)
      if (!stored.has(jobId) && this.#entries.get(jobId) === entry) this.forget(jobId);
  }

  /** What an ended job says of the estimates: for those that ended before this process was there. */
  learn(job: Job): void {
    this.#measure(job);
  }

  /** Models that have, or had, a job. */
  models(): readonly string[] {
    return [...this.#models.keys()].sort();
  }

  /** Of one model, or of all of them. */
  figures(model: string | undefined): BacklogFigures {
    if (model === undefined)
      return this.models()
        .map((name) => this.figures(name))
        .reduce(together, NOTHING);
    const known = this.#models.get(model);
    if (known === undefined) return NOTHING;
    const correction = known.error.ratio;
    const seconds = (operations: number): number => this.#seconds(model, operations) * correction;
    return {
      queuedJobs: known.queuedJobs,
      runningJobs: known.runningJobs,
      busyWorkers: known.busyWorkers,
      workSeconds: seconds(known.queuedWork + known.runningWork),
      queuedWorkSeconds: seconds(known.queuedWork),
      oldestQueuedAt: known.oldestQueuedAt,
      minRanks: known.minRanks,
      correction,
    };
  }

  /** What a job of this request is expected to take one worker, seconds. */
  workSecondsOf(request: JobRequest): number {
    const correction = this.#models.get(request.model)?.error.ratio ?? 1;
    return this.#seconds(request.model, totalWork(this.#workOf(request))) * correction;
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #measure(job: Job): void {
    // An attempt that went on from a checkpoint says little of a whole job.
    if (job.state.kind !== "completed" || job.attempts !== 1) return;
    const { startedAt, finishedAt, request, workerIds } = job;
    if (startedAt === undefined || finishedAt === undefined) return;
    const actual = ((finishedAt - startedAt) / 1000) * Math.max(1, workerIds.length);
    const { error } = this.#model(request.model);
    const estimate = this.#seconds(request.model, totalWork(this.#workOf(request)));
    if (actual > 0 && estimate > 0) this.#deps.onEstimateMeasured(actual / (estimate * error.ratio));
    error.add(actual, estimate);
  }

  #seconds(model: string, operations: number): number {
    return operations / this.#deps.capacities.of(model).flopsPerSecond;
  }

  #model(name: string): ModelBacklog {
    const model = this.#models.get(name) ?? new ModelBacklog();
    this.#models.set(name, model);
    return model;
  }

  #workOf(request: JobRequest): JobWork {
    const { configs, flopsPerSecond } = this.#deps.capacities.of(request.model);
    const unknown = { encode: 0, denoise: UNKNOWN_JOB_SECONDS * flopsPerSecond, decode: 0 };
    if (configs === undefined) return unknown;
    const { numFrames, height, width, numInferenceSteps, guidanceScale, maxSequenceLength } = request;
    const { vaeTiling, scheduler, model } = request;
    const sizes = [numFrames, height, width, numInferenceSteps, guidanceScale, maxSequenceLength];
    const key = [...sizes, vaeTiling, scheduler, model].join(" ");
    const memorized = this.#shapes.get(key);
    if (memorized !== undefined) return memorized;
    const work = jobWork(configs, request) ?? unknown;
    if (this.#shapes.size >= MEMORIZED_SHAPES) this.#shapes.clear();
    this.#shapes.set(key, work);
    return work;
  }
}

/** The sums of one model. */
class ModelBacklog {
  readonly error = new EstimateError();
  queuedWork = 0;
  runningWork = 0;
  runningJobs = 0;
  busyWorkers = 0;
  /** Since when each waits, the longest first: a Map keeps the order of coming. */
  readonly #queued = new Map<string, number>();
  /** Jobs by the workers that they take at least. */
  readonly #ranks = new Array<number>(MAX_RANKS + 1).fill(0);

  replace(jobId: string, before: Entry | undefined, after: Entry | undefined): void {
    if (before !== undefined) this.#count(before, -1);
    if (after !== undefined) this.#count(after, 1);
    if (after?.queuedAt === undefined) this.#queued.delete(jobId);
    else if (before?.queuedAt === undefined) this.#queued.set(jobId, after.queuedAt);
    // Sums of rounded numbers drift; of nothing they are nothing.
    if (this.#queued.size === 0) this.queuedWork = 0;
    if (this.runningJobs === 0) this.runningWork = 0;
  }

  get queuedJobs(): number {
    return this.#queued.size;
  }

  get oldestQueuedAt(): number | undefined {
    const [first] = this.#queued.values();
    return first;
  }

  get minRanks(): number {
    return Math.max(
      0,
      this.#ranks.findLastIndex((jobs) => jobs > 0),
    );
  }

  #count({ left, minRanks, ranks, queuedAt }: Entry, sign: 1 | -1): void {
    this.#ranks[minRanks] = (this.#ranks[minRanks] ?? 0) + sign;
    this.busyWorkers += sign * ranks;
    if (queuedAt !== undefined) this.queuedWork += sign * left;
    else {
      this.runningJobs += sign;
      this.runningWork += sign * left;
    }
  }
}

const NOTHING: BacklogFigures = {
  queuedJobs: 0,
  runningJobs: 0,
  busyWorkers: 0,
  workSeconds: 0,
  queuedWorkSeconds: 0,
  oldestQueuedAt: undefined,
  minRanks: 0,
  correction: 1,
};

/** Two models together. The correction of more than one has no meaning. */
function together(a: BacklogFigures, b: BacklogFigures): BacklogFigures {
  const oldest = Math.min(a.oldestQueuedAt ?? Infinity, b.oldestQueuedAt ?? Infinity);
  return {
    queuedJobs: a.queuedJobs + b.queuedJobs,
    runningJobs: a.runningJobs + b.runningJobs,
    busyWorkers: a.busyWorkers + b.busyWorkers,
    workSeconds: a.workSeconds + b.workSeconds,
    queuedWorkSeconds: a.queuedWorkSeconds + b.queuedWorkSeconds,
    oldestQueuedAt: oldest === Infinity ? undefined : oldest,
    minRanks: Math.max(a.minRanks, b.minRanks),
    correction: 1,
  };
}
