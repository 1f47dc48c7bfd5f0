import { type Clock, type Logger, RecurringFailure } from "@cogfleet/core";
import type { FleetBoard, WorkerView } from "./fleet-board.js";
import type { Job } from "./job.js";
import type { Leadership } from "./leadership.js";
import { kinOf } from "./scheduler.js";
import { waitReason } from "./wait-reason.js";
import type { Connection, WorkerRegistry } from "./workers.js";

export interface FleetViewDeps {
  readonly workers: Pick<WorkerRegistry, "all">;
  readonly leadership: Pick<Leadership, "term">;
  /** Undefined: there are no other coordinators. */
  readonly board: FleetBoard | undefined;
  /** That the jobs of one tenant may run on at a time; 0: no limit. */
  readonly maxTenantRanks: number;
  readonly clock: Clock;
  readonly log: Logger;
}

const SHOW_MS = 500;

const LINES = {
  level: "warn",
  failed: "workers were not shown to others",
  over: "workers are shown to others again",
} as const;

/** The workers of the service, whichever coordinator they are connected to. */
export class FleetView {
  readonly #deps: FleetViewDeps;

  constructor(deps: FleetViewDeps) {
    this.#deps = deps;
  }

  all(): readonly WorkerView[] {
    const { workers, leadership, board } = this.#deps;
    return leadership.term === undefined && board !== undefined ? board.workers() : workers.all().map(viewOf);
  }

  /** Why a queued job waits for more than its turn, see wait-reason.ts. */
  waitReason(job: Job, workers = this.all()): string {
    return waitReason(job, workers, this.#deps.maxTenantRanks);
  }

  /** Shows our workers to the others until the signal aborts, when something has changed. */
  async share(signal: AbortSignal): Promise<void> {
    const { workers, board, clock } = this.#deps;
    if (board === undefined) return;
    const unshown = new RecurringFailure(this.#deps, LINES);
    for (let shown: string | undefined; !signal.aborted; ) {
      const views = workers.all().map(viewOf);
      const now = JSON.stringify(views);
      if (now !== shown) {
        try {
          await board.show(views, signal);
          shown = now;
          unshown.succeeded();
        } catch (reason) {
          if (signal.aborted) return;
          unshown.failed(reason);
        }
      }
      await clock.sleep(SHOW_MS, signal).catch(() => {});
    }
  }
}

function viewOf({ worker, assignment, tenant = "", isDraining, connectedAt }: Connection): WorkerView {
  const { id, device, precision, threads, models, hostname, pid, version } = worker;
  const jobId = assignment?.jobId ?? "";
  const names = models.map(({ name }) => name);
  return {
    id,
    device,
    precision,
    threads,
    models: names,
    hostname,
    pid,
    version,
    jobId,
    tenant,
    isDraining,
    kin: kinOf(worker),
    connectedAt,
  };
}
