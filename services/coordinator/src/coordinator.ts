import {
  type Clock,
  type Logger,
  neverAborts,
  type Random,
  RecurringFailure,
  type Tracer,
} from "@cogfleet/core";
import { resolveRequest } from "@cogfleet/model";
import { Artifacts } from "./artifacts.js";
import { Backlog } from "./backlog.js";
import { Capacities } from "./capacity.js";
import { Checkpoints } from "./checkpoints.js";
import type { CoordinatorConfig } from "./config.js";
import { Dispatcher } from "./dispatcher.js";
import { Fleet } from "./fleet.js";
import { FleetView } from "./fleet-view.js";
import { Jobs } from "./jobs.js";
import type { Leader } from "./leader-lease.js";
import type { Leadership } from "./leadership.js";
import type { LeaderWork } from "./leading.js";
import { LinkTable } from "./links.js";
import { ModelMemory } from "./model-memory.js";
import { ModelCatalog } from "./models.js";
import type { Observer } from "./observer.js";
import { Reconciler } from "./reconciler.js";
import { learnFromStored } from "./recount.js";
import { Retention } from "./retention.js";
import { Scaling } from "./scaling.js";
import type { Stores } from "./stores.js";
import { watchedStore } from "./watched-store.js";
import { WorkerRegistry } from "./workers.js";

export interface DomainDeps {
  readonly stores: Omit<Stores, "close">;
  /** Begun and ended by whoever holds the lease. */
  readonly leadership: Pick<Leadership, "term">;
  /** Who leads, as far as this process has heard; default: nobody else can. */
  readonly leader?: (() => Leader | undefined) | undefined;
  readonly observer: Observer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Undefined: jobs are not traced. */
  readonly tracer?: Tracer | undefined;
}

/** What others learn of models is known here so much later at most. */
const LEARN_MS = 500;

const LINES = {
  level: "warn",
  failed: "models were not compared with the store",
  over: "models are compared with the store again",
} as const;

export type DomainConfig = Pick<
  CoordinatorConfig,
  | "leaseMs"
  | "maxQueued"
  | "maxQueuedSeconds"
  | "maxTenantQueued"
  | "maxTenantRanks"
  | "maxAttempts"
  | "retainHours"
  | "retainJobs"
>;

/**
 * A coordinator without its doors: everything that decides, on the stores that it was given. It answers clients whether
 * it leads or not; while another one does, its queue and its figures follow what that one stores.
 */
export interface Coordinator extends LeaderWork {
  readonly jobs: Jobs;
  readonly models: ModelCatalog;
  readonly workers: WorkerRegistry;
  readonly links: LinkTable;
  readonly dispatcher: Dispatcher;
  readonly backlog: Backlog;
  readonly scaling: Scaling;
  readonly fleet: Fleet;
  readonly artifacts: Artifacts;
  readonly checkpoints: Checkpoints;
  readonly fleetView: FleetView;
  /** Keeps up with what other coordinators store until the signal aborts. */
  follow(signal: AbortSignal): Promise<void>;
}

/**
 * Reads what the stores hold, and takes it up when it leads already. To be waited for before anyone is let in: a worker
 * that comes back must not find its old job still running.
 */
export async function openCoordinator(deps: DomainDeps, config: DomainConfig): Promise<Coordinator> {
  const { stores, leadership, leader = () => undefined, observer, clock, random, log } = deps;
  const { blobs } = stores;
  const store = watchedStore(stores.jobs, () => reconciler.mark());
  const memory = new ModelMemory(stores.models, log);
  const known = await memory.load();
  const capacities = new Capacities(known, (model) => memory.keep(model));
  const models = new ModelCatalog(known, (model) => memory.keep(capacities.describe(model)));
  const backlog = new Backlog({ capacities, clock, onEstimateMeasured: observer.estimateMeasured });
  const workers = new WorkerRegistry(clock, config);
  const links = new LinkTable();
  const artifacts = new Artifacts({ store, blobs });
  const checkpoints = new Checkpoints({ store, blobs });
  const { maxAttempts: maxFruitlessAttempts, maxTenantRanks } = config;
  const policy = { maxFruitlessAttempts, maxTenantRanks };
  const dispatcher = new Dispatcher(
    {
      store,
      leadership,
      artifacts,
      checkpoints,
      workers,
      links,
      backlog,
      clock,
      observer,
      log,
      tracer: deps.tracer,
    },
    policy,
  );
  store.onAnyChange((jobId, stored) => dispatcher.observe(jobId, stored));
  const reconciler = new Reconciler({ store, dispatcher, workers, backlog, clock, log });
  const retention = new Retention({ store, blobs, clock, log }, config);
  const fleet = new Fleet({ workers, links, models, capacities, dispatcher, leader, clock, observer, log });
  const fleetView = new FleetView({
    ...{ workers, leadership, board: stores.shared?.board, maxTenantRanks, clock, log },
  });
  const scaling = new Scaling({ backlog, capacities, clock });
  const jobs = new Jobs(
    {
      store,
      blobs,
      models,
      dispatcher,
      backlog,
      workers,
      gate: resolveRequest,
      clock,
      random,
      observer,
      log,
    },
    config,
  );
  const unlearned = new RecurringFailure({ clock, log }, LINES);
  await learnFromStored(store, backlog, neverAborts);
  const takeOver = async (signal: AbortSignal): Promise<void> => {
    await store.caughtUp(signal);
    const { term } = leadership;
    const isShared = stores.shared !== undefined;
    const what = isShared ? `the leader of term ${term} took over` : "the coordinator was started again";
    await reconciler.begin(what, signal);
    dispatcher.expectReturn(config.leaseMs);
    fleet.open();
  };
  if (leadership.term === undefined) await reconciler.follow(neverAborts);
  else await takeOver(neverAborts);
  return {
    jobs,
    models,
    workers,
    links,
    dispatcher,
    backlog,
    scaling,
    fleet,
    artifacts,
    checkpoints,
    fleetView,
    takeOver,
    async watch(signal) {
      const watches = [fleet.watchLeases(signal), reconciler.watch(signal), retention.watch(signal)];
      await Promise.all([...watches, fleetView.share(signal)]);
    },
    letGo: () => fleet.close(),
    async follow(signal) {
      while (stores.shared !== undefined && !signal.aborted) {
        await clock.sleep(LEARN_MS, signal).catch(() => {});
        if (signal.aborted || leadership.term !== undefined) continue;
        try {
          const stored = await stores.models.all(signal);
          models.learn(stored);
          capacities.learn(stored);
          unlearned.succeeded();
        } catch (reason) {
          if (!signal.aborted) unlearned.failed(reason);
        }
      }
    },
    async settled() {
      await dispatcher.settled();
      await memory.settled();
    },
  };
}
