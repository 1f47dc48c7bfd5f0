import { type Clock, ClusterError, type Logger, RecurringFailure } from "@cogfleet/core";
import type { Link } from "@cogfleet/parallel";
import type { DoneReport } from "./attempts.js";
import type { Capacities } from "./capacity.js";
import type { Dispatcher } from "./dispatcher.js";
import type { Checkpoint, JobFailure, JobStage } from "./job.js";
import type { Leader } from "./leader-lease.js";
import { linkMeasured } from "./link-survey.js";
import type { LinkTable } from "./links.js";
import type { ModelCatalog } from "./models.js";
import type { Observer } from "./observer.js";
import type { Assignment, Connection, WorkerFacts, WorkerLink, WorkerRegistry } from "./workers.js";

/** What a worker tells the coordinator after its hello. */
export type WorkerReport =
  | {
      readonly kind: "heartbeat";
      /** Of the newest step of what it runs; 0 or undefined: none yet. */
      readonly stepComputeSeconds?: number;
      /** For which the run under way of a graph has lasted; 0 or undefined: none is. */
      readonly runSeconds?: number;
    }
  | { readonly kind: "draining" }
  | ({ readonly kind: "link_measured"; readonly peerId: string } & Link)
  | ({
      readonly kind: "stage_started";
      readonly stage: JobStage;
      readonly warnings: readonly string[];
    } & Assignment)
  | ({
      readonly kind: "step_done";
      readonly step: number;
      readonly seconds: number;
      /** Of that step, if it was stored. */
      readonly checkpoint?: Pick<Checkpoint, "bytes" | "sha256"> | undefined;
    } & Assignment)
  | ({ readonly kind: "done" } & DoneReport)
  | ({
      readonly kind: "failed";
      readonly error: JobFailure;
      readonly isRetryable: boolean;
      /** With "peer_lost": the rank that was the first to go. */
      readonly lostRank?: number | undefined;
    } & Assignment);

export interface FleetDeps {
  readonly workers: WorkerRegistry;
  readonly links: LinkTable;
  readonly models: ModelCatalog;
  readonly capacities: Capacities;
  readonly dispatcher: Dispatcher;
  /** Who leads, as far as it is known. */
  readonly leader: () => Leader | undefined;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly log: Logger;
}

const LINES = {
  level: "error",
  failed: "report was not written down",
  over: "reports are written down again",
} as const;

// Reports of one worker that may wait for the store; then its stream is read no further.
const MAX_WAITING_REPORTS = 64;

/** A worker's time with the coordinator, from its hello to the end of its stream. */
export interface WorkerSession {
  /**
   * Takes a report. The lease is renewed at once; the rest happens in order, and the promise resolves when there is
   * room for another report.
   */
  receive(report: WorkerReport): Promise<void>;
  /**
   * The stream has ended: what the worker held is lost, unless it was handed back before.
   * @param isOurEnd the coordinator is stopping: that is no fault of the job, which is taken up at the next start
   * @param isOrderly the worker ended its side itself, as one does that drains; default: the connection broke
   */
  end(isOurEnd: boolean, isOrderly?: boolean): Promise<void>;
}

/** Takes workers in, listens to them, and notices when they are gone. */
export class Fleet {
  readonly #deps: FleetDeps;
  readonly #unwritten: RecurringFailure;
  #isOpen = false;

  constructor(deps: FleetDeps) {
    this.#deps = deps;
    this.#unwritten = new RecurringFailure(deps, LINES);
  }

  /** Workers may come: this coordinator leads. */
  open(): void {
    this.#isOpen = true;
  }

  /** Sends all workers away, to find whoever leads now: what they hold is no longer ours, and nothing is said of it. */
  close(): void {
    const { workers, dispatcher } = this.#deps;
    this.#isOpen = false;
    for (const connection of workers.all()) {
      workers.remove(connection);
      connection.link.close(this.#notHere());
    }
    dispatcher.attempts.groups.clear();
  }

  /**
   * Throws `invalid_checkpoint` when it offers a model that others know otherwise, `unavailable` with the detail
   * `leader`, if that is known, while another coordinator leads.
   */
  connect(worker: WorkerFacts, link: WorkerLink): WorkerSession {
    const { workers, models, capacities, dispatcher, observer, log } = this.#deps;
    if (!this.#isOpen) throw this.#notHere();
    const others = workers
      .all()
      .filter((other) => other.worker.id !== worker.id || other.assignment !== undefined);
    models.offer(
      worker.id,
      worker.models,
      (name) =>
        dispatcher.queue.sizeOf(name) > 0 ||
        others.some((other) => other.worker.models.some((model) => model.name === name)),
    );
    for (const { name } of worker.models) observer.modelOffered(name);
    const { connection, replaced } = workers.connect(worker, link);
    capacities.workersChanged(workers.all());
    if (replaced !== undefined) {
      const message = `worker ${worker.id} came back on another connection`;
      dispatcher.attempts.lose(replaced, "reconnect", message);
      replaced.link.close(new ClusterError("lease_lost", message));
    }
    log.info({ workerId: worker.id, device: worker.device, pid: worker.pid }, "worker connected");
    return this.#session(connection);
  }

  /** Starts what waits; for when the worker has been welcomed. */
  ready(): void {
    this.#deps.dispatcher.kick();
  }

  /**
   * Tells a worker to finish its step, to hand its job back, and to leave. Throws `worker_not_found`, or `unavailable`
   * for one that is connected to another coordinator.
   */
  drain(workerId: string, isElsewhere = false): void {
    const { workers, dispatcher, log } = this.#deps;
    const connection = workers.all().find(({ worker }) => worker.id === workerId);
    if (connection === undefined && isElsewhere)
      throw new ClusterError(
        "unavailable",
        `worker "${workerId}" is connected to the coordinator that leads: ask that one`,
      );
    if (connection === undefined)
      throw new ClusterError("worker_not_found", `no worker "${workerId}" is connected`);
    if (!connection.isDraining) {
      log.info({ workerId }, "worker told to leave");
      dispatcher.attempts.drain(connection);
      connection.link.send({ kind: "drain" });
    }
  }

  /** Stores the state after a step of a running assignment: see Checkpoints. */
  putCheckpoint(...step: Parameters<Dispatcher["attempts"]["putCheckpoint"]>): Promise<void> {
    return this.#deps.dispatcher.attempts.putCheckpoint(...step);
  }

  /** Watches over the leases until the signal aborts. */
  async watchLeases(signal: AbortSignal): Promise<void> {
    const { clock, workers } = this.#deps;
    while (!signal.aborted) {
      await clock.sleep(workers.tickMs, signal).catch(() => {});
      if (!signal.aborted) this.tick();
    }
  }

  /** One look at the leases. */
  tick(): void {
    const { workers, capacities, dispatcher } = this.#deps;
    const { dead: lost, elapsedMs } = workers.tick();
    for (const dead of lost) {
      const seconds = workers.silentSeconds(dead).toFixed(1);
      const message = `worker ${dead.worker.id} was lost: no sign of life for ${seconds} s`;
      dispatcher.attempts.lose(dead, "lease", message);
      dead.link.close(new ClusterError("lease_lost", message));
    }
    capacities.workersChanged(workers.all());
    dispatcher.tick(elapsedMs);
  }

  #notHere(): ClusterError {
    const address = this.#deps.leader()?.address;
    if (address === undefined) return new ClusterError("unavailable", "no coordinator leads yet");
    const details = { leader: address };
    return new ClusterError("unavailable", `the coordinator at ${address} leads`, { details });
  }

  #session(connection: Connection): WorkerSession {
    const { workers, dispatcher, log } = this.#deps;
    const workerId = connection.worker.id;
    let last: Promise<void> = Promise.resolve();
    let waiting = 0;
    return {
      receive: async (report) => {
        workers.renew(connection);
        if (report.kind === "heartbeat") {
          if ((report.runSeconds ?? 0) === 0) workers.clear(connection);
          dispatcher.attempts.computed(connection, report);
          return;
        }
        waiting += 1;
        last = last
          .then(() => this.#handle(connection, report))
          .finally(() => {
            waiting -= 1;
          });
        if (waiting >= MAX_WAITING_REPORTS) await last;
      },
      end: async (isOurEnd, isOrderly = false) => {
        await last;
        if (!workers.remove(connection) || isOurEnd) return;
        if (connection.isDraining && (isOrderly || connection.assignment === undefined)) {
          log.info({ workerId }, "worker left");
          dispatcher.attempts.notTaken(connection);
          return;
        }
        const seconds = workers.silentSeconds(connection).toFixed(1);
        const message = `worker ${workerId} was lost: its connection ended, ${seconds} s after its last word`;
        dispatcher.attempts.lose(connection, "stream", message);
      },
    };
  }

  async #handle(connection: Connection, report: Exclude<WorkerReport, { kind: "heartbeat" }>): Promise<void> {
    const workerId = connection.worker.id;
    try {
      await this.#apply(connection, report);
      this.#unwritten.succeeded();
    } catch (reason) {
      this.#unwritten.failed(reason, { workerId, report: report.kind });
      // The worker is done with its assignment and will not say so again: without a word its job would run for ever.
      if (report.kind === "done" || report.kind === "failed")
        this.#deps.dispatcher.attempts.abandon(connection, report);
    }
  }

  async #apply(connection: Connection, report: Exclude<WorkerReport, { kind: "heartbeat" }>): Promise<void> {
    const { dispatcher } = this.#deps;
    switch (report.kind) {
      case "draining":
        dispatcher.attempts.drain(connection);
        return;
      case "link_measured":
        linkMeasured(this.#deps, connection, report);
        return;
      case "stage_started":
        await dispatcher.attempts.stageStarted(connection, report);
        return;
      case "step_done":
        await dispatcher.attempts.stepDone(connection, report);
        return;
      case "done":
        await dispatcher.attempts.finish(connection, report);
        return;
      case "failed":
        await dispatcher.attempts.fail(connection, { ...report, kind: "attempt_failed" });
        return;
    }
  }
}
