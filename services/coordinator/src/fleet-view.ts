import { type Clock, ClusterError, type Logger } from "@cogfleet/core";
import type { FleetBoard, WorkerView } from "./fleet-board.js";
import type { Leadership } from "./leadership.js";
import type { Connection, WorkerRegistry } from "./workers.js";

export interface FleetViewDeps {
  readonly workers: Pick<WorkerRegistry, "all">;
  readonly leadership: Pick<Leadership, "term">;
  /** Undefined: there are no other coordinators. */
  readonly board: FleetBoard | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

const SHOW_MS = 500;

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

  /** Shows our workers to the others until the signal aborts, when something has changed. */
  async share(signal: AbortSignal): Promise<void> {
    const { workers, board, clock, log } = this.#deps;
    if (board === undefined) return;
    for (let shown: string | undefined; !signal.aborted; ) {
      const views = workers.all().map(viewOf);
      const now = JSON.stringify(views);
      if (now !== shown) {
        try {
          await board.show(views, signal);
          shown = now;
        } catch (reason) {
          if (signal.aborted) return;
          log.warn({ err: reason, code: ClusterError.from(reason).code }, "workers were not shown to others");
        }
      }
      await clock.sleep(SHOW_MS, signal).catch(() => {});
    }
  }
}

function viewOf({ worker, assignment, isDraining, connectedAt }: Connection): WorkerView {
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
    isDraining,
    connectedAt,
  };
}
