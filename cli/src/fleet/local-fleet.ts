import { type Clock, ClusterError } from "@cogfleet/core";
import { RestartBudget } from "./restart-budget.js";
import {
  howItEnded,
  type ServiceCommand,
  type ServiceProcess,
  type ServiceReady,
  whenReady,
} from "./service-process.js";

export interface FleetPlan {
  /** Flags of the coordinator, save the port. */
  readonly coordinatorArgs: readonly string[];
  /** 0 takes a free one. */
  readonly port: number;
  readonly workers: number;
  /** Flags of every worker, save the coordinator's address. */
  readonly workerArgs: readonly string[];
}

export interface FleetDeps {
  readonly clock: Clock;
  /** Starts the module that `service` stands for. */
  start(service: "coordinator" | "worker", command: Omit<ServiceCommand, "module">): ServiceProcess;
  /** Told what a person should know: who is up, who died, what a service warned of. */
  onNotice(text: string): void;
}

/** A coordinator and its workers as processes of this machine. */
export interface LocalFleet {
  /** host:port of the coordinator. */
  readonly address: string;
  /** Of the processes that run now: a restart changes them. */
  coordinatorPid(): number;
  workerPids(): readonly number[];
  /** Aborts when a service could not be kept running; the reason says why. */
  readonly failed: AbortSignal;
  /** Ends the workers, then the coordinator; kills what is still there when the signal aborts. Idempotent. */
  stop(signal: AbortSignal): Promise<void>;
}

const MAX_RESTARTS = 5;
const RESTART_PAUSE_MS = 500; // a service that dies at once must not eat a core
const GRACE_MS = 10_000;

/**
 * Starts a coordinator and its workers and keeps them running: one that ends is started again, five times a minute at
 * most. Fails with what the first service to fail said, once all are gone.
 */
export async function startLocalFleet(
  plan: FleetPlan,
  deps: FleetDeps,
  signal: AbortSignal,
): Promise<LocalFleet> {
  const failed = new AbortController();
  const stopping = new AbortController();
  const workers: Keeper[] = [];
  let coordinator: Keeper | undefined;

  let stopped: Promise<void> | undefined;
  const stop = (force: AbortSignal): Promise<void> => {
    stopped ??= (async () => {
      stopping.abort(new ClusterError("cancelled", "the fleet is stopping"));
      await Promise.all(workers.map((worker) => worker.stop(force)));
      await coordinator?.stop(force);
    })();
    return stopped;
  };

  try {
    let port = plan.port;
    const lifetime = { stopping: stopping.signal, failed };
    coordinator = new Keeper("coordinator", deps, lifetime, (onLine) =>
      deps.start("coordinator", {
        name: "coordinator",
        args: ["--port", String(port), ...plan.coordinatorArgs],
        onLine,
      }),
    );
    const up = await coordinator.begin(signal);
    port = up.port; // a coordinator that is started again must be found by its workers
    const address = `127.0.0.1:${port}`;
    for (let i = 1; i <= plan.workers; i++) {
      const name = `worker ${i}`;
      const args = ["--coordinator", address, ...plan.workerArgs];
      workers.push(
        new Keeper(name, deps, lifetime, (onLine) => deps.start("worker", { name, args, onLine })),
      );
    }
    await Promise.all(workers.map((worker) => worker.begin(signal)));
    const kept = coordinator;
    return {
      address,
      coordinatorPid: () => kept.pid,
      workerPids: () => workers.map((worker) => worker.pid),
      failed: failed.signal,
      stop,
    };
  } catch (reason) {
    await stop(signal);
    throw reason;
  }
}

interface Lifetime {
  readonly stopping: AbortSignal;
  readonly failed: AbortController;
}

/** Keeps one service running until it is told to stop. */
class Keeper {
  readonly #name: string;
  readonly #deps: FleetDeps;
  readonly #lifetime: Lifetime;
  readonly #start: (onLine: (line: string) => void) => ServiceProcess;
  readonly #budget = new RestartBudget(MAX_RESTARTS);
  #process: ServiceProcess | undefined;

  constructor(
    name: string,
    deps: FleetDeps,
    lifetime: Lifetime,
    start: (onLine: (line: string) => void) => ServiceProcess,
  ) {
    this.#name = name;
    this.#deps = deps;
    this.#lifetime = lifetime;
    this.#start = start;
  }

  /** Of the process that runs now; 0 before the first. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Starts it for the first time; from the moment it is up it is watched. */
  async begin(signal: AbortSignal): Promise<ServiceReady> {
    // A service that fails to start says why in the error that this rejects with: its lines would say it twice.
    const early: string[] = [];
    let isUp = false;
    const first = this.#start((line) => {
      if (isUp) this.#notice(line);
      else early.push(line);
    });
    this.#process = first;
    const ready = await whenReady(first, signal);
    isUp = true;
    for (const line of early) this.#notice(line);
    void this.#watch(first);
    return ready;
  }

  async stop(force: AbortSignal): Promise<void> {
    await this.#process?.stop(GRACE_MS, force);
  }

  async #watch(first: ServiceProcess): Promise<void> {
    const { clock } = this.#deps;
    const { stopping, failed } = this.#lifetime;
    for (let current = first; ; ) {
      const end = await current.ended;
      if (stopping.aborted) return;
      if (end.code === 0) {
        this.#deps.onNotice(`${this.#name} (pid ${current.pid}) left, as it was told to`);
        return;
      }
      const how = howItEnded(end);
      if (!this.#budget.take(clock.now())) {
        const text = `the ${this.#name} ended ${MAX_RESTARTS + 1} times within a minute, the last time ${how}`;
        failed.abort(new ClusterError("unavailable", text));
        return;
      }
      this.#deps.onNotice(`${this.#name} (pid ${current.pid}) ended ${how}; starting it again`);
      try {
        await clock.sleep(RESTART_PAUSE_MS, stopping);
      } catch {
        return; // told to stop meanwhile
      }
      current = this.#start((line) => this.#notice(line));
      this.#process = current;
      const { pid } = current;
      current.ready.then(
        () => this.#deps.onNotice(`${this.#name} is back (pid ${pid})`),
        () => {}, // it ended: the loop sees that
      );
    }
  }

  #notice(line: string): void {
    this.#deps.onNotice(`${this.#name}: ${line}`);
  }
}
