import {
  type Coordinator,
  type DomainConfig,
  Leadership,
  leadInTurn,
  type Observer,
  openCoordinator,
  RegisterLease,
  surveyLinks,
} from "@cogfleet/coordinator/testing/domain.js";
import { type Clock, ClusterError, type Logger } from "@cogfleet/core";
import type { Dice } from "./dice.js";
import type { Disk } from "./disk.js";
import type { History } from "./history.js";
import type { Network } from "./network.js";
import type { SimProcess } from "./sim-process.js";
import { type SimStoreDeps, type StorePerils, simStores } from "./sim-stores.js";

/** What a coordinator's process offers to those who connect. */
export interface Door {
  readonly coordinator: Coordinator;
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  /** Aborts when the process stops in order. */
  readonly stopping: AbortSignal;
}

export interface CoordinatorConfig extends DomainConfig {
  readonly heartbeatMs: number;
  /** Of its disk; 1: a good one. */
  readonly slowness: number;
  /** Whether others may lead: the stores are on a host of their own. */
  readonly isOneOfSeveral: boolean;
}

export interface SimCoordinatorDeps {
  readonly network: Network<Door>;
  readonly disk: Disk;
  readonly dice: Dice;
  readonly perils: StorePerils;
  readonly history: History;
  readonly onBug: (reason: unknown) => void;
  /** Lets a test put a defect between the domain and its stores, or around it. */
  readonly bend: Bend;
}

/** Where a defect can be put in, to see whether the checks notice. */
export interface Bend {
  stores?(stores: ReturnType<typeof simStores>, process: SimProcess): ReturnType<typeof simStores>;
  clock?(clock: Clock): Clock;
  config?(config: CoordinatorConfig): CoordinatorConfig;
  coordinator?(coordinator: Coordinator): Coordinator;
}

const LEADER_LEASE_MS = 3_000;

/** A coordinator's process: opens the real domain on the disk, then lets others in. Resolves with how to stop it in order. */
export async function startSimCoordinator(
  deps: SimCoordinatorDeps,
  process: SimProcess,
  asked: CoordinatorConfig,
): Promise<() => Promise<void>> {
  const { network, history, bend } = deps;
  const config = bend.config?.(asked) ?? asked;
  const storeDeps: SimStoreDeps = {
    ...deps,
    process,
    slowness: config.slowness,
    way: config.isOneOfSeveral ? network : undefined,
  };
  const stores = simStores(storeDeps);
  const leadership = new Leadership();
  if (!config.isOneOfSeveral) leadership.begin(1);
  const log = loggerOf(history, process);
  const clock = bend.clock?.(process.clock) ?? process.clock;
  const given = bend.stores?.(stores, process) ?? stores;
  let lease: RegisterLease | undefined;
  const random = deps.dice.random();
  const opened = await openCoordinator(
    {
      leadership,
      leader: () => lease?.current(),
      stores: given,
      observer: observerOf(history, process),
      clock,
      random,
      log,
    },
    config,
  );
  const coordinator = bend.coordinator?.(opened) ?? opened;
  const stopping = new AbortController();
  const { heartbeatMs, leaseMs } = config;
  network.listen(process, { coordinator, heartbeatMs, leaseMs, stopping: stopping.signal });
  const { signal } = stopping;
  const lead = (): Promise<void> => {
    if (given.shared === undefined) return coordinator.watch(signal);
    const own = { holder: process.name, address: `${process.host}:7070`, leaseMs: LEADER_LEASE_MS };
    lease = new RegisterLease({ register: given.shared.lease, clock, log }, own);
    return leadInTurn({ lease, leadership, work: coordinator, clock, log }, signal);
  };
  const { links, workers } = coordinator;
  const watching = Promise.all([
    lead(),
    coordinator.follow(signal),
    surveyLinks({ links, workers, clock, random }, signal),
  ]);
  watching.catch(deps.onBug);
  history.tell({ kind: "started", process: process.name, detail: "" });
  return async () => {
    network.close(process);
    stopping.abort(new ClusterError("unavailable", "the coordinator is stopping"));
    await watching;
    await coordinator.settled();
  };
}

/** Everything that is observed goes into the history, whatever there is to observe. */
function observerOf(history: History, process: SimProcess): Observer {
  const observe = (what: string) => (detail: unknown) =>
    history.tell({ kind: "observed", process: process.name, what, detail: JSON.stringify(detail ?? "") });
  const observer = new Proxy({}, { get: (_target, name) => observe(String(name)) });
  return observer as Observer; // it has every method
}

/** Lines of a process in the history: warnings and errors. */
export function loggerOf(history: History, process: SimProcess): Logger {
  const write = (level: string) => (fields: object, message: string) => {
    if (!process.isAlive) return;
    const { err, ...rest } = fields as { err?: unknown };
    const reason = err instanceof ClusterError && err.code !== "internal" ? err.message : describe(err);
    const line = `${message} ${JSON.stringify(rest)}${reason}`;
    history.tell({ kind: "logged", process: process.name, level, line });
  };
  const log: Logger = {
    debug() {},
    info() {},
    warn: write("warn"),
    error: write("error"),
    child: () => log,
  };
  return log;
}

/** A bug's whole story. */
function describe(err: unknown): string {
  if (err === undefined) return "";
  const reason = err instanceof ClusterError ? (err.cause ?? err) : err;
  return ` BUG ${reason instanceof Error ? reason.stack : String(reason)}`;
}
