import { type Clock, ClusterError } from "@cogfleet/core";
import type { ModelConfigs, ModelFacts } from "@cogfleet/model";
import type { Plan } from "@cogfleet/parallel";
import type { JobRequest } from "./job.js";

/** One graph, or segments between exchanges: a worker holds one of them, and loads anew to change. */
export type TransformerForm = "whole" | "segments";

/** What a worker says of itself when it comes. */
export interface WorkerFacts {
  readonly id: string;
  readonly device: string;
  readonly precision: string;
  readonly threads: number;
  readonly models: readonly ModelFacts[];
  readonly hostname: string;
  readonly pid: number;
  readonly version: string;
  /** host:port where peers pull tensors; "" when there is none, and no place in a group of several ranks. */
  readonly exchangeAddress: string;
  /** By name of the model. A model without them runs on one rank only. */
  readonly configs: ReadonlyMap<string, ModelConfigs>;
  /** As measured at its start; 0: not measured. */
  readonly flopsPerSecond: number;
  /** That computing may take, weights included; 0: not known. */
  readonly memoryBytes: number;
  /** What it has loaded of the transformer. */
  readonly transformerForm: TransformerForm | undefined;
}

export interface Assignment {
  readonly jobId: string;
  readonly epoch: number;
}

/** Whether both are the same attempt at the same job. */
export function isSame(a: Assignment | undefined, { jobId, epoch }: Assignment): boolean {
  return a?.jobId === jobId && a.epoch === epoch;
}

/** What the coordinator tells a worker. */
export type WorkerCommand =
  | ({
      readonly kind: "assign";
      readonly request: JobRequest;
      readonly plan: Plan;
      readonly rank: number;
      /** By rank. */
      readonly peers: readonly Pick<WorkerFacts, "id" | "exchangeAddress">[];
      /** Steps done already: the checkpoint to start from; 0: from the noise. */
      readonly startStep: number;
      /** Of the job's span; undefined: it is not traced. */
      readonly traceparent?: string | undefined;
    } & Assignment)
  | ({ readonly kind: "cancel" } & Assignment)
  /** Hand it back at the next step. */
  | ({ readonly kind: "yield" } & Assignment)
  /** Take nothing new, hand back what runs at its next step, and leave. */
  | { readonly kind: "drain" }
  | {
      /** With another worker; both are told. */
      readonly kind: "measure_link";
      readonly probeId: string;
      readonly rank: number;
      /** By rank. */
      readonly peers: readonly Pick<WorkerFacts, "id" | "exchangeAddress">[];
    };

/** The stream to one worker. */
export interface WorkerLink {
  /** Never throws: a link that is gone shows by its end. */
  send(command: WorkerCommand): void;
  /** Ends the stream, telling the worker why. */
  close(reason: ClusterError): void;
}

/** A worker that is connected now. Identity: a worker that comes back is another connection. */
export interface Connection {
  readonly worker: WorkerFacts;
  readonly link: WorkerLink;
  /** Wall time, milliseconds. */
  readonly connectedAt: number;
  /** The job it has been given and has not handed back. */
  readonly assignment: Assignment | undefined;
  /** Whose job that is. */
  readonly tenant: string | undefined;
  readonly isDraining: boolean;
  /** What it has loaded by now. */
  readonly transformerForm: TransformerForm | undefined;
  /** Times as long as others it was seen to compute lately; 1: as usual. */
  readonly slowness: number;
  /**
   * Milliseconds since an attempt that it took part in hung, until it says that its device is free: a run cannot be
   * stopped. Undefined: nothing is held against it.
   */
  readonly suspectMs: number | undefined;
}

/** What made a worker slow may have passed then. */
const SLOW_MS = 10 * 60_000;

const LONGEST_TICK_MS = 1_000;

interface Entry extends Connection {
  isLeaving: boolean;
  isHeldBack: boolean;
  assignment: Assignment | undefined;
  tenant: string | undefined;
  isDraining: boolean;
  transformerForm: TransformerForm | undefined;
  slowness: number;
  suspectMs: number | undefined;
  /** For which that is remembered. */
  slowMs: number;
  silentMs: number;
  heardAt: number;
}

/**
 * The workers that are connected, and how long each has been silent. Silence is counted by `tick`, at most twice the
 * interval a time: when this process itself was stopped or stalled, its workers are not blamed for it.
 */
export class WorkerRegistry {
  readonly #clock: Clock;
  readonly #leaseMs: number;
  readonly #entries = new Map<string, Entry>();
  #lastTick: number;

  /** @param config.leaseMs a worker that is silent for this long is dead */
  constructor(clock: Clock, config: { readonly leaseMs: number }) {
    this.#clock = clock;
    this.#leaseMs = config.leaseMs;
    this.#lastTick = clock.now();
  }

  /** How often `tick` wants to be called, milliseconds. Hung groups are counted by it too: not seldom, however long a lease is. */
  get tickMs(): number {
    return Math.min(this.#leaseMs / 10, LONGEST_TICK_MS);
  }

  /** Adds a worker. The connection that it had before, if any, is returned as lost and counts no more. */
  connect(
    worker: WorkerFacts,
    link: WorkerLink,
  ): { connection: Connection; replaced: Connection | undefined } {
    const replaced = this.#entries.get(worker.id);
    const connection: Entry = {
      worker,
      link,
      connectedAt: this.#clock.wallTime(),
      assignment: undefined,
      tenant: undefined,
      isDraining: false,
      isLeaving: false,
      isHeldBack: false,
      transformerForm: worker.transformerForm,
      slowness: 1,
      suspectMs: undefined,
      slowMs: 0,
      silentMs: 0,
      heardAt: this.#clock.now(),
    };
    this.#entries.delete(worker.id); // a worker that comes back goes to the end of the order
    this.#entries.set(worker.id, connection);
    return { connection, replaced };
  }

  /** The worker gave a sign of life. */
  renew(connection: Connection): void {
    const entry = this.#current(connection);
    if (entry === undefined) return;
    entry.silentMs = 0;
    entry.heardAt = this.#clock.now();
  }

  /** It may hang: takes nothing new until it is heard to compute nothing. */
  suspect(connection: Connection): void {
    const entry = this.#current(connection);
    if (entry !== undefined) entry.suspectMs = 0;
  }

  /** It computes nothing now. */
  clear(connection: Connection): void {
    const entry = this.#current(connection);
    if (entry !== undefined) entry.suspectMs = undefined;
  }

  /** Seconds since this worker, connected or not any more, gave its last sign of life. */
  silentSeconds(connection: Connection): number {
    return (this.#clock.now() - (connection as Entry).heardAt) / 1000;
  }

  /** It leaves: takes nothing new from now on. */
  drain(connection: Connection): void {
    const entry = this.#current(connection);
    if (entry === undefined) return;
    entry.isLeaving = true;
    entry.isDraining = true;
  }

  /** It is to take nothing new for now, or may again; one that leaves does so all the same. */
  holdBack(connection: Connection, isHeldBack: boolean): void {
    const entry = this.#current(connection);
    if (entry === undefined) return;
    entry.isHeldBack = isHeldBack;
    entry.isDraining = entry.isLeaving || isHeldBack;
  }

  /** It was seen to compute so many times as long as others: plans count on that for a while. */
  slowDown(connection: Connection, slowness: number): void {
    const entry = this.#current(connection);
    if (entry === undefined) return;
    entry.slowness = slowness;
    entry.slowMs = SLOW_MS;
  }

  /** Gives an idle worker a job. Throws `internal` when it is not idle: that would be our bug. */
  assign(
    workerId: string,
    assignment: Assignment,
    { tenant, form }: { readonly tenant: string; readonly form: TransformerForm },
  ): Connection {
    const entry = this.#entries.get(workerId);
    if (entry === undefined || entry.assignment !== undefined || entry.isDraining)
      throw new ClusterError("internal", `worker ${workerId} is not idle`);
    entry.assignment = assignment;
    entry.tenant = tenant;
    entry.transformerForm = form;
    return entry;
  }

  /** The worker has handed this assignment back; false when it did not hold it. */
  release(connection: Connection, assignment: Assignment): boolean {
    if (!isSame(this.#current(connection)?.assignment, assignment)) return false;
    (connection as Entry).assignment = undefined;
    (connection as Entry).tenant = undefined;
    return true;
  }

  /** Forgets a connection; false when it was gone or replaced already. */
  remove(connection: Connection): boolean {
    if (this.#current(connection) === undefined) return false;
    return this.#entries.delete(connection.worker.id);
  }

  /** Counts silence and removes the workers whose lease has run out. Also tells the time that it counted. */
  tick(): { readonly dead: readonly Connection[]; readonly elapsedMs: number } {
    const now = this.#clock.now();
    const elapsed = Math.min(now - this.#lastTick, 2 * this.tickMs);
    this.#lastTick = now;
    const dead: Connection[] = [];
    for (const entry of this.#entries.values()) {
      entry.slowMs -= elapsed;
      if (entry.slowMs <= 0) entry.slowness = 1;
      if (entry.suspectMs !== undefined) entry.suspectMs += elapsed;
      entry.silentMs += elapsed;
      if (entry.silentMs >= this.#leaseMs) dead.push(entry);
    }
    for (const { worker } of dead) this.#entries.delete(worker.id);
    return { dead, elapsedMs: elapsed };
  }

  /** Connected workers, in the order in which they came. */
  all(): readonly Connection[] {
    return [...this.#entries.values()];
  }

  /**
   * Those that can take a job. Of the pods of a StatefulSet the lowest first: it shrinks from the highest, which are to
   * be idle by then.
   */
  idle(): readonly Connection[] {
    return this.all()
      .filter((entry) => entry.assignment === undefined && !entry.isDraining && entry.suspectMs === undefined)
      .sort((a, b) => ordinalOf(a.worker) - ordinalOf(b.worker)); // stable
  }

  /** Who holds this assignment, or a part of it. */
  holders(assignment: Assignment): readonly Connection[] {
    return this.all().filter((connection) => isSame(connection.assignment, assignment));
  }

  #current(connection: Connection): Entry | undefined {
    const entry = this.#entries.get(connection.worker.id);
    return entry === connection ? entry : undefined;
  }
}

/** The number at the end of its name, or of its pod's; 0 without one. */
function ordinalOf({ id, hostname }: WorkerFacts): number {
  return Number((/-(\d+)$/.exec(id) ?? /-(\d+)$/.exec(hostname))?.[1] ?? 0);
}
