import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type ClusterError, neverAborts, silentLogger } from "@cogfleet/core";
import { countingRandom, ManualClock } from "@cogfleet/core/testing";
import { resolveRequest } from "@cogfleet/model";
import type { AdmissionLimits } from "../admission.js";
import { Artifacts } from "../artifacts.js";
import { Backlog } from "../backlog.js";
import { Capacities } from "../capacity.js";
import { Checkpoints } from "../checkpoints.js";
import { Dispatcher } from "../dispatcher.js";
import { Fleet, type WorkerReport, type WorkerSession } from "../fleet.js";
import type { Artifact, Job, JobEvent } from "../job.js";
import type { JobStore } from "../job-store.js";
import { Jobs } from "../jobs.js";
import { Leadership } from "../leadership.js";
import { LinkTable } from "../links.js";
import { MemoryBlobStore } from "../memory-blob-store.js";
import { MemoryJobStore } from "../memory-job-store.js";
import { ModelCatalog } from "../models.js";
import type { Observer } from "../observer.js";
import type { SubmitBody } from "../submission.js";
import { type Assignment, type WorkerCommand, type WorkerFacts, WorkerRegistry } from "../workers.js";
import { emptyVideo, sampleSubmission, sampleWorker } from "./sample-jobs.js";

/** A coordinator without its wires: the domain on memory stores and a clock that stands still. */
export class House {
  readonly clock = new ManualClock();
  readonly store: JobStore;
  readonly leadership = new Leadership();
  readonly blobs = new MemoryBlobStore();
  readonly models = new ModelCatalog();
  readonly capacities = new Capacities([]);
  readonly backlog = new Backlog({
    capacities: this.capacities,
    clock: this.clock,
    onEstimateMeasured: (ratio) => this.noted.push(`estimate was off by ${ratio.toPrecision(2)}`),
  });
  readonly workers = new WorkerRegistry(this.clock, { leaseMs: 3000 });
  readonly links = new LinkTable();
  readonly artifacts: Artifacts;
  readonly checkpoints: Checkpoints;
  readonly noted: string[] = [];
  readonly #observer: Observer = {
    modelOffered: () => {},
    jobSubmitted: () => this.noted.push("submitted"),
    submitDeduplicated: () => this.noted.push("deduplicated"),
    submitRejected: (reason) => this.noted.push(`rejected ${reason}`),
    jobFinished: ({ outcome, reason }) => this.noted.push(`finished ${outcome} ${reason}`.trim()),
    jobAssigned: () => {},
    estimateMeasured: () => {},
    stageDone: () => {},
    stepDone: () => {},
    workerLost: (detectedBy) => this.noted.push(`lost by ${detectedBy}`),
    failureNoticed: (detectedBy, seconds) =>
      this.noted.push(`noticed by ${detectedBy} after ${seconds.toFixed(1)} s`),
    stepsLost: (cause, steps) => this.noted.push(`lost ${steps} steps by ${cause}`),
    jobRecovered: (seconds) => this.noted.push(`recovered after ${seconds.toFixed(1)} s`),
    jobPreempted: () => this.noted.push("preempted"),
    deadlineMissed: () => this.noted.push("deadline missed"),
    stragglerMeasured: (ratio) => this.noted.push(`slowest rank took ${ratio} times as long`),
    groupResized: () => this.noted.push("resized"),
    checkpointStored: () => {},
    artifactWriteFailed: () => {},
    writeFenced: () => this.noted.push("fenced"),
    dataDamaged: () => this.noted.push("damaged"),
  };
  readonly dispatcher: Dispatcher;
  readonly fleet: Fleet;
  readonly jobs: Jobs;

  /**
   * @param options.store that of another house, as if it were started again
   * @param options.term in which it leads
   */
  constructor({
    store,
    term = 1,
    maxTenantRanks = 0,
    ...limits
  }: { store?: JobStore; term?: number } & Partial<AdmissionLimits> = {}) {
    this.leadership.begin(term);
    this.store = store ?? new MemoryJobStore();
    this.artifacts = new Artifacts(this);
    this.checkpoints = new Checkpoints(this);
    const shared = { ...this, observer: this.#observer, log: silentLogger };
    this.dispatcher = new Dispatcher(shared, { maxFruitlessAttempts: 3, maxTenantRanks });
    this.store.onAnyChange((jobId, stored) => this.dispatcher.observe(jobId, stored));
    this.fleet = new Fleet({ ...shared, dispatcher: this.dispatcher, leader: () => undefined });
    this.fleet.open();
    const random = countingRandom();
    this.jobs = new Jobs(
      { ...shared, dispatcher: this.dispatcher, gate: resolveRequest, random },
      { maxQueued: 100, maxQueuedSeconds: 0, maxTenantQueued: 0, maxTenantRanks, ...limits },
    );
  }

  worker(id: string, over: Partial<WorkerFacts> = {}): TestWorker {
    const worker = new TestWorker(this, sampleWorker(id, over));
    this.fleet.ready();
    return worker;
  }

  async submit(over: Partial<SubmitBody> = {}): Promise<Job> {
    const job = await this.jobs.submit(sampleSubmission(over), neverAborts);
    await this.dispatcher.settled();
    return job;
  }

  async state(jobId: string): Promise<string> {
    await this.dispatcher.settled();
    return (await this.jobs.get(jobId, neverAborts)).state.kind;
  }

  async events(jobId: string): Promise<readonly JobEvent[]> {
    return this.store.events(jobId, 0, 1000, neverAborts);
  }
}

/** The other end of a worker's link, in the test's hands. */
export class TestWorker {
  readonly commands: WorkerCommand[] = [];
  closedBecause: ClusterError | undefined;
  readonly session: WorkerSession;
  readonly #house: House;

  constructor(house: House, facts: WorkerFacts) {
    this.#house = house;
    this.session = house.fleet.connect(facts, {
      send: (command) => this.commands.push(command),
      close: (reason) => {
        this.closedBecause = reason;
      },
    });
  }

  /** The newest assignment. */
  get assignment(): Assignment {
    const assigned = this.commands.filter((command) => command.kind === "assign").at(-1);
    assert.ok(assigned, "the worker was given nothing");
    return { jobId: assigned.jobId, epoch: assigned.epoch };
  }

  get kinds(): string[] {
    return this.commands.map((command) =>
      "jobId" in command ? `${command.kind} ${command.jobId} ${command.epoch}` : command.kind,
    );
  }

  async report(report: WorkerReport): Promise<void> {
    await this.session.receive(report);
    await this.#house.clock.advance(0); // lets it be handled
    await this.#house.dispatcher.settled();
  }

  async step(step: number): Promise<void> {
    await this.report({ kind: "step_done", ...this.assignment, step, seconds: 1 });
  }

  /** A step, and the state after it: one byte. */
  async storeStep(step: number, seconds = 1): Promise<void> {
    const data = Uint8Array.of(step);
    const stored = { bytes: 1, sha256: createHash("sha256").update(data).digest("hex") };
    async function* pieces(): AsyncGenerator<Uint8Array> {
      yield data;
    }
    await this.#house.fleet.putCheckpoint(this.assignment, { step, ...stored }, pieces(), neverAborts);
    await this.report({ kind: "step_done", ...this.assignment, step, seconds, checkpoint: stored });
  }

  async done(artifacts: readonly Artifact[] = [emptyVideo]): Promise<void> {
    const seconds = { encodeSeconds: 1, denoiseSeconds: 2, decodeSeconds: 3 };
    await this.report({ kind: "done", ...this.assignment, artifacts, ...seconds });
  }

  async upload(artifact: Artifact = emptyVideo, data: readonly Uint8Array[] = []): Promise<void> {
    async function* pieces(): AsyncGenerator<Uint8Array> {
      yield* data;
    }
    await this.#house.artifacts.put(this.assignment, artifact, pieces(), neverAborts);
  }

  async finish(): Promise<void> {
    await this.upload();
    await this.done();
  }

  async fail(isRetryable: boolean, code = "numeric_error"): Promise<void> {
    await this.report({
      kind: "failed",
      ...this.assignment,
      error: { code, message: "too big" },
      isRetryable,
    });
  }

  /** @param end.isOrderly it ended its side of the stream itself */
  async leave({ isOrderly = false } = {}): Promise<void> {
    await this.session.end(false, isOrderly);
    await this.#house.dispatcher.settled();
  }
}
