import process from "node:process";
import type { Job, JobEvent } from "@cogfleet/coordinator/testing/domain.js";
import { isTerminal } from "@cogfleet/coordinator/testing/domain.js";
import { neverAborts } from "@cogfleet/core";
import { Clients } from "./clients.js";
import { Cluster, type ClusterConfig, type ClusterDeps } from "./cluster.js";
import { Dice } from "./dice.js";
import type { StoredBlob } from "./disk.js";
import { coordinatorHost, drawFaults, endOf, type Fault } from "./faults.js";
import { History } from "./history.js";
import { inflict } from "./inflict.js";
import { Network } from "./network.js";
import { Perils } from "./perils.js";
import type { Door } from "./sim-coordinator.js";
import { drawWishes, type Wish } from "./workload.js";
import { World } from "./world.js";

/** After the last fault every job must have ended within this. */
const PATIENCE_MS = 300_000;
/** And then nothing may be left over after this: a step that nobody wants any more cannot be interrupted. */
const CALM_MS = 150_000;
const LOOK_MS = 10_000;
/** Of a coordinator at rest: one for each thing that it watches. */
const MOST_SLEEPS = 9;

/** What a seed stands for. */
export interface Scenario {
  readonly seed: number;
  readonly config: ClusterConfig;
  readonly wishes: readonly Wish[];
  readonly faults: readonly Fault[];
}

/** How things stand when all is over. */
export interface Outcome {
  readonly scenario: Scenario;
  readonly history: History;
  readonly jobs: readonly { readonly job: Job; readonly events: readonly JobEvent[] }[];
  readonly blobs: ReadonlyMap<string, StoredBlob>;
  /** What is held that should not be, in words. */
  readonly leftovers: readonly string[];
  /** What was thrown that nobody expected. */
  readonly bugs: readonly string[];
  readonly virtualMs: number;
}

export function scenarioOf(seed: number): Scenario {
  const dice = new Dice(`seed ${seed}`);
  const workers = dice.of("workers").whole(1, 4);
  const coordinators = dice.of("coordinators").chance(0.4) ? dice.of("replicas").whole(2, 3) : 1;
  const canShare = dice.of("share").chance(0.4);
  const times = dice.of("times");
  return {
    seed,
    config: {
      coordinators,
      workers,
      canShare,
      keepsIds: dice.of("ids").chance(0.5),
      times: {
        encodeMs: times.between(50, 500),
        stepMs: times.between(100, 2_000),
        decodeMs: times.between(100, 3_000),
      },
      coordinator: {
        heartbeatMs: 1_000,
        isOneOfSeveral: coordinators > 1,
        slowness: dice.of("disk").pick([1, 1, 1, 20, 60]),
        leaseMs: 3_000,
        maxQueued: dice.of("limit").chance(0.15) ? dice.of("queue").whole(1, 2) : 1_000,
        maxQueuedSeconds: 0,
        maxTenantQueued: dice.of("tenants").chance(0.1) ? 2 : 0,
        maxTenantRanks: dice.of("ranks").chance(0.1) ? 4 : 0,
        maxAttempts: 3,
        retainHours: 720,
        retainJobs: dice.of("retain").chance(0.1) ? 1 : 10_000,
      },
    },
    wishes: drawWishes(dice.of("wishes"), canShare ? workers : 1),
    faults: drawFaults(dice.of("faults"), { coordinators, workers }),
  };
}

/** Runs a scenario to its end. A function of the scenario: the same history every time. One at a time in a process. */
export async function simulate(scenario: Scenario, bend: ClusterDeps["bend"] = {}): Promise<Outcome> {
  const bugs: string[] = [];
  const onBug = (reason: unknown): void => {
    bugs.push(reason instanceof Error ? (reason.stack ?? reason.message) : String(reason));
  };
  // A promise that nobody looks at is a process that dies.
  process.on("unhandledRejection", onBug);
  try {
    return await play(scenario, bend, { bugs, onBug });
  } finally {
    process.removeListener("unhandledRejection", onBug);
  }
}

async function play(
  scenario: Scenario,
  bend: ClusterDeps["bend"],
  { bugs, onBug }: { readonly bugs: readonly string[]; readonly onBug: (reason: unknown) => void },
): Promise<Outcome> {
  const dice = new Dice(`run ${scenario.seed}`);
  const world = new World();
  const history = new History(() => world.now);
  const network = new Network<Door>(world, dice.of("network"));
  const perils = new Perils(history, () => world.now);
  const shared = { world, network, history, onBug };
  const cluster = new Cluster({ ...shared, dice: dice.of("cluster"), perils, bend }, scenario.config);
  const coordinators = Array.from({ length: scenario.config.coordinators }, (_, i) => coordinatorHost(i));
  const clients = new Clients({ ...shared, coordinators, dice: dice.of("clients") });
  cluster.start();
  for (const wish of scenario.wishes) clients.start(wish);
  for (const fault of scenario.faults)
    world.after(fault.at, () => inflict({ cluster, network, perils, history, dice }, fault));

  const quietAt = Math.max(endOf(scenario.faults), ...scenario.wishes.map(({ at }) => at)) + 1;
  await world.runUntil(quietAt);
  perils.end();
  history.tell({ kind: "quiet" });
  const areAllOver = (): boolean =>
    clients.busy === 0 && [...history.jobs.values()].every(({ state }) => isTerminal(state.kind));
  await world.runUntil(quietAt + PATIENCE_MS, areAllOver);
  let leftovers: readonly string[] = [];
  for (let calmMs = 0; calmMs < CALM_MS; calmMs += LOOK_MS) {
    await world.runUntil(world.now + LOOK_MS);
    leftovers = leftoversOf(cluster, clients, network);
    if (leftovers.length === 0) break;
  }
  const jobs = await Promise.all(
    [...history.jobs.keys()].map(async (id) => {
      const stored = await cluster.disk.jobs.get(id, neverAborts);
      const events = await cluster.disk.jobs.events(id, 0, 100_000, neverAborts);
      return stored === undefined ? [] : [{ job: stored.job, events }];
    }),
  );
  return {
    scenario,
    history,
    jobs: jobs.flat(),
    blobs: new Map(cluster.disk.blobs),
    leftovers,
    bugs,
    virtualMs: world.now,
  };
}

function leftoversOf(cluster: Cluster, clients: Clients, network: Network<Door>): string[] {
  const found: string[] = [];
  const note = (isWrong: boolean, what: string): void => {
    if (isWrong) found.push(what);
  };
  const { workers, coordinators } = cluster;
  note(clients.busy > 0, `${clients.busy} clients still wait for an answer`);
  for (const worker of workers) {
    note(worker.isBusy, `worker ${worker.process.name} still holds an assignment`);
    note(
      worker.process.sleeping > 2,
      `worker ${worker.process.name} holds ${worker.process.sleeping} timers`,
    );
  }
  note(cluster.groups.size > 0, `${cluster.groups.size} ranks are still in a group`);
  let connected = 0;
  for (const process of coordinators) {
    const door = network.doorOf(process.host);
    note(door === undefined, `${process.name} does not listen`);
    note(process.sleeping > MOST_SLEEPS, `${process.name} holds ${process.sleeping} timers`);
    if (door === undefined) continue;
    const { dispatcher, workers: registry } = door.coordinator;
    connected += registry.all().length;
    note(dispatcher.queue.size > 0, `${process.name} has ${dispatcher.queue.size} jobs in its queue`);
    for (const { worker, assignment } of registry.all())
      note(assignment !== undefined, `${process.name} believes that ${worker.id} holds ${assignment?.jobId}`);
  }
  note(connected !== workers.length, `${connected} of ${workers.length} workers are connected`);
  // A worker holds one connection, and its coordinator the other end.
  note(network.open > 2 * workers.length, `${network.open} ends of connections are open`);
  return found;
}
