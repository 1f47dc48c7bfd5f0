import { resolve } from "node:path";
import { type Clock, ClusterError, type Logger, neverAborts, type Random } from "@cogfleet/core";
import { resolveRequest } from "@cogfleet/model";
import { fleetApi, generationApi } from "@cogfleet/proto";
import { createRegistry, startHttpServer, startRpcServer } from "@cogfleet/service";
import { Artifacts } from "./artifacts.js";
import { Backlog } from "./backlog.js";
import { Capacities } from "./capacity.js";
import { Checkpoints } from "./checkpoints.js";
import type { CoordinatorConfig } from "./config.js";
import { Dispatcher } from "./dispatcher.js";
import { Fleet } from "./fleet.js";
import { Jobs } from "./jobs.js";
import { openLocalStores } from "./local-stores.js";
import { createCoordinatorMetrics, type Snapshot } from "./metrics.js";
import { ModelMemory } from "./model-memory.js";
import { ModelCatalog } from "./models.js";
import { Reconciler } from "./reconciler.js";
import { learnFromStored } from "./recount.js";
import { Retention } from "./retention.js";
import { fleetHandlers } from "./rpc/fleet-handlers.js";
import { generationHandlers } from "./rpc/generation-handlers.js";
import type { Stores } from "./stores.js";
import { VERSION } from "./version.js";
import { watchedStore } from "./watched-store.js";
import { WorkerRegistry } from "./workers.js";

export interface CoordinatorDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Default: in the folder config.data. They are closed with the coordinator. */
  readonly stores?: Stores;
}

export interface RunningCoordinator {
  readonly port: number;
  readonly httpPort: number;
  /** Takes no new call, ends the workers' streams and the watches, waits for the rest until the signal aborts. */
  stop(signal: AbortSignal): Promise<void>;
}

/** The composition root: the only place that knows every concrete class. Tests call it too. */
export async function startCoordinator(
  config: CoordinatorConfig,
  deps: CoordinatorDeps,
): Promise<RunningCoordinator> {
  const { clock, random, log } = deps;
  const workers = new WorkerRegistry(clock, config);
  const registry = createRegistry({ service: "coordinator", version: VERSION });
  const { observer, callEnded } = createCoordinatorMetrics(registry, () =>
    snapshot({ dispatcher, workers, backlog, clock }),
  );
  const local = { random, log, onDamage: observer.dataDamaged };
  const stores = deps.stores ?? (await openLocalStores(resolve(config.data), local));
  const giveUp = async (reason: unknown): Promise<never> => {
    await stores.close();
    throw reason;
  };
  const { blobs } = stores;
  const store = watchedStore(stores.jobs, () => reconciler.mark());
  const memory = new ModelMemory(stores.models, log);
  const known = await memory.load().catch(giveUp);
  const capacities = new Capacities(known, (model) => memory.keep(model));
  const models = new ModelCatalog(known, (model) => memory.keep(capacities.describe(model)));
  const backlog = new Backlog({ capacities, clock, onEstimateMeasured: observer.estimateMeasured });
  const artifacts = new Artifacts({ store, blobs });
  const checkpoints = new Checkpoints({ store, blobs });
  const policy = { maxFruitlessAttempts: config.maxAttempts };
  const dispatcher = new Dispatcher(
    { store, artifacts, checkpoints, workers, backlog, clock, observer, log },
    policy,
  );
  const reconciler = new Reconciler({ store, dispatcher, workers, backlog, clock, log });
  const retention = new Retention({ store, blobs, clock, log }, config);
  const fleet = new Fleet({ workers, models, capacities, dispatcher, clock, observer, log });
  const jobs = new Jobs(
    { store, blobs, models, dispatcher, gate: resolveRequest, clock, random, observer, log },
    config,
  );

  // Before anyone is let in: a worker that comes back must not find its old job still running.
  await learnFromStored(store, backlog, neverAborts).catch(giveUp);
  await reconciler.begin(neverAborts).catch(giveUp);
  const stopping = new AbortController();
  const rpc = await startRpcServer({
    host: config.listen,
    port: config.port,
    services: [
      {
        definition: generationApi.Generation.service,
        handlers: generationHandlers({ jobs, models, workers, log, stopping: stopping.signal }),
      },
      {
        definition: fleetApi.Fleet.service,
        handlers: fleetHandlers(
          { fleet, artifacts, checkpoints, clock, log, stopping: stopping.signal },
          { heartbeatMs: config.heartbeatMs, leaseMs: config.leaseMs },
        ),
      },
    ],
    log,
    onCallEnd: callEnded,
  }).catch(giveUp);
  const notReady = (): string | undefined => (stopping.signal.aborted ? "stopping" : undefined);
  const http = await startHttpServer({
    host: config.listen,
    port: config.httpPort,
    registry,
    notReady,
    log,
  }).catch(async (reason: unknown) => {
    await rpc.stop(neverAborts);
    return giveUp(reason);
  });
  const watches = [
    fleet.watchLeases(stopping.signal),
    reconciler.watch(stopping.signal),
    retention.watch(stopping.signal),
  ];

  let stopped: Promise<void> | undefined;
  const stop = async (signal: AbortSignal): Promise<void> => {
    stopping.abort(new ClusterError("unavailable", "the coordinator is stopping"));
    await Promise.all(watches);
    await rpc.stop(signal);
    await dispatcher.settled();
    await memory.settled();
    await http.stop(signal);
    await stores.close();
  };
  return {
    port: rpc.port,
    httpPort: http.port,
    stop: (signal) => {
      stopped ??= stop(signal);
      return stopped;
    },
  };
}

function snapshot({
  dispatcher,
  workers,
  backlog,
  clock,
}: {
  readonly dispatcher: Dispatcher;
  readonly workers: WorkerRegistry;
  readonly backlog: Backlog;
  readonly clock: Clock;
}): Snapshot {
  const all = workers.all();
  const busy = all.filter((worker) => worker.assignment !== undefined);
  const draining = all.filter((worker) => worker.isDraining);
  const oldest = dispatcher.queue.oldestQueuedAt();
  return {
    queued: dispatcher.queue.size,
    running: new Set(busy.map((worker) => worker.assignment?.jobId)).size,
    idleWorkers: workers.idle().length,
    busyWorkers: busy.filter((worker) => !worker.isDraining).length,
    drainingWorkers: draining.length,
    backlogSeconds: backlog.models().map((model) => [model, backlog.figures(model).workSeconds]),
    oldestQueuedSeconds: oldest === undefined ? 0 : (clock.now() - oldest) / 1000,
  };
}
