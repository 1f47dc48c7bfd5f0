import { ClusterError, type Logger } from "@cogfleet/core";
import type { Assignment, AssignmentId, Command, MeasureLink } from "./assignment.js";
import { type RunDeps, runAssignment } from "./run-assignment.js";

export interface WorkerDeps extends RunDeps {
  readonly log: Logger;
  /** Measures beside whatever runs. */
  readonly measureLink: (probe: MeasureLink) => void;
  /** Told of an error after which this process can compute no more. */
  readonly onBroken: (error: ClusterError) => void;
  /** Told when the coordinator wants this worker to leave. */
  readonly onLeave: () => void;
}

/** Why an assignment is stopped before its end. Silent: nobody waits for its last report. */
interface Stop {
  readonly error: ClusterError;
  readonly isSilent: boolean;
}

interface Running {
  readonly id: AssignmentId;
  readonly abort: AbortController;
  stop: Stop | undefined;
  /** The coordinator wants it at the next step. */
  isAskedBack: boolean;
  readonly ended: Promise<void>;
}

/** Runs assignments, one at a time, and hands each one back: done, failed, cancelled or given up. */
export class Worker {
  readonly #deps: WorkerDeps;
  #running: Running | undefined;
  #draining: ClusterError | undefined;

  constructor(deps: WorkerDeps) {
    this.#deps = deps;
  }

  get isBusy(): boolean {
    return this.#running !== undefined;
  }

  get isDraining(): boolean {
    return this.#draining !== undefined;
  }

  /** Does what the coordinator says. A command about another assignment than the one that runs changes nothing. */
  handle(command: Command): void {
    switch (command.kind) {
      case "assign":
        this.#assign(command.assignment);
        return;
      case "refuse":
        this.#deps.log.warn({ ...command.id, reason: command.reason }, "assignment refused");
        this.#fail(command.id, new ClusterError("invalid_request", command.reason));
        return;
      case "cancel":
        if (isSame(this.#running?.id, command.id))
          this.#stop({ error: new ClusterError("cancelled", "the job was cancelled"), isSilent: false });
        return;
      case "yield":
        if (this.#running !== undefined && isSame(this.#running.id, command.id))
          this.#running.isAskedBack = true;
        return;
      case "drain":
        this.drain();
        this.#deps.onLeave();
        return;
      case "measure_link":
        this.#deps.measureLink(command);
        return;
    }
  }

  /** Gives up what runs without a word: the coordinator has given it to somebody else, or will. */
  abandon(reason: ClusterError): void {
    if (this.#running === undefined || this.#running.stop?.isSilent === true) return;
    this.#deps.log.warn({ ...this.#running.id, reason: reason.message }, "assignment abandoned");
    this.#stop({ error: reason, isSilent: true });
  }

  /** Takes nothing new; what runs is handed back at its next step, to be done by another worker. */
  drain(): void {
    if (this.#draining !== undefined) return;
    this.#draining = new ClusterError("worker_lost", "the worker is shutting down");
    this.#deps.link.report({ kind: "draining" });
  }

  /** Hands back what runs at once. */
  giveBack(): void {
    const error = this.#draining ?? new ClusterError("worker_lost", "the worker was stopped");
    this.#stop({ error, isSilent: false });
  }

  /** Resolves when nothing runs. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running.ended;
  }

  #assign(assignment: Assignment): void {
    const { jobId, epoch } = assignment;
    const id = { jobId, epoch };
    const before = this.#running;
    if (isSame(before?.id, id)) return; // said twice
    if (this.#draining !== undefined) {
      this.#fail(id, this.#draining);
      return;
    }
    if (before !== undefined && before.stop === undefined) {
      this.#fail(id, new ClusterError("conflict", `the worker is busy with job ${before.id.jobId}`));
      return;
    }
    const abort = new AbortController();
    const running: Running = {
      id,
      abort,
      stop: undefined,
      isAskedBack: false,
      // One that was stopped may take until its next boundary to let go of the device.
      ended: (before?.ended ?? Promise.resolve()).then(() => this.#run(running, assignment)),
    };
    this.#running = running;
  }

  async #run(running: Running, assignment: Assignment): Promise<void> {
    const { link, log, clock } = this.#deps;
    const { id, abort } = running;
    const startedAt = clock.now();
    const atBoundary = (): void => {
      abort.signal.throwIfAborted();
      if (this.#draining !== undefined) throw this.#draining;
      if (running.isAskedBack)
        throw new ClusterError("cancelled", "the coordinator took the job back at a step");
    };
    try {
      atBoundary();
      log.info({ ...id }, "assignment started");
      const outcome = await runAssignment(this.#deps, assignment, atBoundary, abort.signal);
      link.report({ kind: "done", ...id, outcome });
      log.info({ ...id, seconds: (clock.now() - startedAt) / 1000 }, "assignment done");
    } catch (reason) {
      this.#ended(running, reason);
    } finally {
      if (this.#running === running) this.#running = undefined;
    }
  }

  #ended({ id, stop }: Running, reason: unknown): void {
    const error = stop?.error ?? ClusterError.from(reason);
    const { log, onBroken } = this.#deps;
    if (stop?.isSilent !== true) this.#fail(id, error);
    const fields = { ...id, code: error.code, reason: error.message };
    if (error.code === "internal") log.error({ ...fields, err: reason }, "assignment failed");
    else log.info(fields, stop === undefined ? "assignment failed" : "assignment stopped");
    // Its compute thread or process is gone: only a new worker process has another one.
    if (stop === undefined && error.code === "worker_lost" && error !== this.#draining) onBroken(error);
  }

  #stop(stop: Stop): void {
    const running = this.#running;
    if (running === undefined || running.stop?.isSilent === true) return;
    running.stop = stop;
    running.abort.abort(stop.error);
  }

  #fail(id: AssignmentId, error: ClusterError): void {
    const { code, message, retryable, details } = error;
    const { rank } = details;
    const lost = code === "peer_lost" && typeof rank === "number" ? { lostRank: rank } : {};
    this.#deps.link.report({ kind: "failed", ...id, code, message, isRetryable: retryable, ...lost });
  }
}

function isSame(a: AssignmentId | undefined, b: AssignmentId): boolean {
  return a?.jobId === b.jobId && a.epoch === b.epoch;
}
