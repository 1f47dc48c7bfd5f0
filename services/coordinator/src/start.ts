import { setMaxListeners } from "node:events";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { type Clock, ClusterError, type Logger, neverAborts, type Random } from "@cogfleet/core";
import { fleetApi, generationApi, scalerApi } from "@cogfleet/proto";
import {
  createRegistry,
  openCredentials,
  openTracing,
  reportLoopLag,
  startHttpServer,
  startRpcServer,
  tlsFilesOf,
} from "@cogfleet/service";
import type { CoordinatorConfig } from "./config.js";
import { continuedRegister } from "./continued-register.js";
import { type Coordinator, openCoordinator } from "./coordinator.js";
import { statusPage } from "./http/status-page.js";
import { openKubernetesParts } from "./kubernetes-parts.js";
import type { LeaderLease } from "./leader-lease.js";
import { Leadership } from "./leadership.js";
import { leadInTurn } from "./leading.js";
import { surveyLinks } from "./link-survey.js";
import { openLocalStores } from "./local-stores.js";
import { createCoordinatorMetrics, type Snapshot } from "./metrics.js";
import { openNatsStores } from "./nats/open-nats-stores.js";
import { RegisterLease } from "./register-lease.js";
import { fleetHandlers } from "./rpc/fleet-handlers.js";
import { generationHandlers } from "./rpc/generation-handlers.js";
import { scalerHandlers } from "./rpc/scaler-handlers.js";
import { followReadiness } from "./serving.js";
import { statusReport } from "./status-report.js";
import { StoreHealth } from "./store-health.js";
import type { Stores } from "./stores.js";
import { VERSION } from "./version.js";
import { watchedBlobs } from "./watched-blobs.js";
import type { Connection } from "./workers.js";

export interface CoordinatorDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Default: those of config.store. They are closed with the coordinator. */
  readonly stores?: Stores;
}

export interface RunningCoordinator {
  readonly port: number;
  readonly httpPort: number;
  /** Aborts when it cannot go on; the reason says why. */
  readonly failed: AbortSignal;
  /** Takes no new call, ends the workers' streams and the watches, waits for the rest until the signal aborts. */
  stop(signal: AbortSignal): Promise<void>;
}

const LAG_INTERVAL_MS = 1_000;

/** Of a coordinator that holds its stores alone, as long as it lives. */
const SOLE_TERM = 1;

/** The composition root: the domain on its stores, behind its servers. Tests call it too. */
export async function startCoordinator(
  config: CoordinatorConfig,
  deps: CoordinatorDeps,
): Promise<RunningCoordinator> {
  const { clock, random, log } = deps;
  const registry = createRegistry({ service: "coordinator", version: VERSION });
  const health = new StoreHealth(clock);
  const metrics = createCoordinatorMetrics(registry, () => ({
    ...snapshot(domain, clock),
    isStoreUp: health.isUp,
    isLeader: leadership.term !== undefined,
  }));
  const { observer } = metrics;
  const traces = await openTracing(config, {
    service: "coordinator",
    instance: hostname(),
    version: VERSION,
    clock,
    log,
  });
  const local = { random, log, onDamage: observer.dataDamaged };
  const stores = deps.stores ?? (await openStores(config, { ...local, clock }));
  const opened = [() => stores.close()]; // what a start that fails must undo
  const giveUp = async (reason: unknown): Promise<never> => {
    for (const end of opened.toReversed()) await end();
    throw reason;
  };
  const tls = { clock, log, onExpiry: metrics.certificateRead };
  const credentials = await openCredentials(tlsFilesOf(config), tls).catch(giveUp);
  opened.push(() => credentials.stop());
  const leadership = new Leadership();
  let lease: LeaderLease | undefined;
  if (stores.shared === undefined) leadership.begin(SOLE_TERM);
  const watched = {
    models: stores.models,
    jobs: health.watch(stores.jobs),
    blobs: watchedBlobs(stores.blobs, observer.artifactWriteFailed),
    shared: stores.shared,
  };
  const domain = await openCoordinator(
    {
      stores: watched,
      leadership,
      leader: () => lease?.current(),
      observer,
      clock,
      random,
      log,
      tracer: traces?.tracer,
    },
    config,
  ).catch(giveUp);
  const { jobs, models, workers, fleetView, fleet, artifacts, checkpoints, scaling } = domain;
  const kubernetes = await openKubernetesParts(config, { ...domain, store: watched.jobs, clock, log }).catch(
    giveUp,
  );
  const pages = await statusPage().catch(giveUp);
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal); // one listener a watcher or worker is no leak
  const rpc = await startRpcServer({
    host: config.listen,
    port: config.port,
    credentials: credentials.server,
    services: [
      {
        definition: generationApi.Generation.service,
        handlers: generationHandlers({
          jobs,
          fleet,
          models,
          workers: fleetView,
          log,
          stopping: stopping.signal,
        }),
      },
      {
        definition: fleetApi.Fleet.service,
        handlers: fleetHandlers(
          { fleet, artifacts, checkpoints, clock, observer, log, stopping: stopping.signal },
          { heartbeatMs: config.heartbeatMs, leaseMs: config.leaseMs },
        ),
      },
      {
        definition: scalerApi.ExternalScaler.service,
        handlers: scalerHandlers({ scaling, log, stopping: stopping.signal }),
      },
    ],
    log,
    onCallEnd: metrics.callEnded,
  }).catch(giveUp);
  const notReady = (): string | undefined => (stopping.signal.aborted ? "stopping" : health.outage);
  const http = await startHttpServer({
    host: config.listen,
    port: config.httpPort,
    registry,
    notReady,
    json: {
      "/scale": (query) => scaling.report(query),
      "/status": () => statusReport({ ...domain, workers: fleetView, leadership, clock }, stopping.signal),
    },
    pages,
    log,
  }).catch(async (reason: unknown) => {
    await rpc.stop(neverAborts);
    return giveUp(reason);
  });
  const lead = (): Promise<void> => {
    if (stores.shared === undefined) return domain.watch(stopping.signal);
    const holder = random.id();
    const address = addressOf(config, rpc.port);
    const { leaderLeaseMs: leaseMs } = config;
    const register =
      kubernetes.lease === undefined
        ? stores.shared.lease
        : continuedRegister(kubernetes.lease, stores.shared.lease);
    lease = new RegisterLease({ register, clock, log }, { holder, address, leaseMs });
    return leadInTurn({ lease, leadership, work: domain, clock, log }, stopping.signal);
  };
  const watching = Promise.all([
    lead(),
    domain.follow(stopping.signal),
    health.probe(watched.jobs, stopping.signal),
    followReadiness({ clock, notReady, setServing: rpc.setServing }, stopping.signal),
    surveyLinks({ links: domain.links, workers, clock, random }, stopping.signal),
    kubernetes.warden?.watch(stopping.signal),
    reportLoopLag({ clock, intervalMs: LAG_INTERVAL_MS, onLag: metrics.eventLoopLag }, stopping.signal),
  ]);

  let stopped: Promise<void> | undefined;
  const stop = async (signal: AbortSignal): Promise<void> => {
    stopping.abort(new ClusterError("unavailable", "the coordinator is stopping"));
    await watching;
    await rpc.stop(signal);
    await domain.settled();
    await http.stop(signal);
    await credentials.stop();
    await stores.close();
    await traces?.stop(signal);
  };
  return {
    port: rpc.port,
    httpPort: http.port,
    failed: stores.failed ?? neverAborts,
    stop: (signal) => {
      stopped ??= stop(signal);
      return stopped;
    },
  };
}

/** Opens what config.store names; see those it calls for what they throw. */
function openStores(
  config: CoordinatorConfig,
  deps: {
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Logger;
    readonly onDamage: () => void;
  },
): Promise<Stores> {
  switch (config.store) {
    case "embedded":
      return openLocalStores(resolve(config.data), deps);
    case "nats":
      return openNatsStores(config, deps);
  }
}

/** Where workers reach this coordinator. */
function addressOf({ listen, advertise }: CoordinatorConfig, port: number): string {
  if (/[^:]:\d+$/.test(advertise)) return advertise;
  const isAny = listen === "0.0.0.0" || listen === "::";
  const host = advertise !== "auto" ? advertise : isAny ? hostname() : listen;
  return `${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}:${port}`;
}

function snapshot(
  { dispatcher, workers, backlog }: Coordinator,
  clock: Clock,
): Omit<Snapshot, "isStoreUp" | "isLeader"> {
  const all = workers.all();
  const busy = all.filter((worker) => worker.assignment !== undefined);
  const draining = all.filter((worker) => worker.isDraining);
  const oldest = dispatcher.queue.oldestQueuedAt();
  return {
    queued: dispatcher.queue.size,
    running: new Set(busy.map((worker) => worker.assignment?.jobId)).size,
    groups: groupsOf(busy),
    idleWorkers: workers.idle().length,
    busyWorkers: busy.filter((worker) => !worker.isDraining).length,
    drainingWorkers: draining.length,
    backlogSeconds: backlog.models().map((model) => [model, backlog.figures(model).workSeconds]),
    stepAgeSeconds: dispatcher.stepAgeSeconds,
    oldestQueuedSeconds: oldest === undefined ? 0 : (clock.now() - oldest) / 1000,
  };
}

/** How many groups of each number of ranks hold an assignment. */
function groupsOf(busy: readonly Connection[]): ReadonlyMap<number, number> {
  const ranks = new Map<string, number>();
  for (const { assignment } of busy) {
    const attempt = `${assignment?.jobId} ${assignment?.epoch}`;
    ranks.set(attempt, (ranks.get(attempt) ?? 0) + 1);
  }
  const groups = new Map<number, number>();
  for (const degree of ranks.values()) groups.set(degree, (groups.get(degree) ?? 0) + 1);
  return groups;
}
