import type { FleetConnection } from "@cogfleet/worker/testing/domain.js";
import type { Dice } from "./dice.js";
import { Disk } from "./disk.js";
import { workerFacts } from "./fake-facts.js";
import type { ComputeTimes } from "./fake-model.js";
import { coordinatorHost, workerHost } from "./faults.js";
import type { History } from "./history.js";
import type { Network } from "./network.js";
import type { Perils } from "./perils.js";
import { type Bend, type CoordinatorConfig, type Door, startSimCoordinator } from "./sim-coordinator.js";
import { SimGroups } from "./sim-group.js";
import { SimProcess } from "./sim-process.js";
import { SimWorker } from "./sim-worker.js";
import type { World } from "./world.js";

export interface ClusterDeps {
  readonly world: World;
  readonly network: Network<Door>;
  readonly dice: Dice;
  readonly perils: Perils;
  readonly history: History;
  readonly bend: Bend & {
    readonly link?: (link: FleetConnection, process: SimProcess) => FleetConnection;
    readonly disk?: (disk: Disk) => Disk;
  };
  readonly onBug: (reason: unknown) => void;
}

export interface ClusterConfig {
  readonly coordinator: CoordinatorConfig;
  readonly coordinators: number;
  readonly workers: number;
  /** Whether workers compute a job together. */
  readonly canShare: boolean;
  readonly times: ComputeTimes;
  /** Whether a worker that is started again keeps its id. */
  readonly keepsIds: boolean;
}

interface CoordinatorSlot {
  readonly host: string;
  process: SimProcess | undefined;
  stop: (() => Promise<void>) | undefined;
  starts: number;
  downUntil: number;
  wallAheadMs: number;
}

interface Slot {
  readonly host: string;
  starts: number;
  wallAheadMs: number;
  downUntil: number;
  slowUntil: number;
  slowness: number;
  worker: SimWorker | undefined;
}

/** The processes of a simulation, each started again some time after its end, as a supervisor does. */
export class Cluster {
  readonly disk: Disk;
  readonly groups: SimGroups<Door>;
  readonly #deps: ClusterDeps;
  readonly #config: ClusterConfig;
  readonly #slots: readonly Slot[];
  readonly #coordinators: readonly CoordinatorSlot[];

  constructor(deps: ClusterDeps, config: ClusterConfig) {
    this.#deps = deps;
    this.#config = config;
    const disk = new Disk();
    this.disk = deps.bend.disk?.(disk) ?? disk;
    this.groups = new SimGroups(deps.network);
    this.#coordinators = Array.from({ length: config.coordinators }, (_, i) => ({
      host: coordinatorHost(i),
      process: undefined,
      stop: undefined,
      starts: 0,
      downUntil: 0,
      wallAheadMs: 0,
    }));
    this.#slots = Array.from({ length: config.workers }, (_, i) => ({
      host: workerHost(i),
      starts: 0,
      wallAheadMs: 0,
      downUntil: 0,
      slowUntil: 0,
      slowness: 1,
      worker: undefined,
    }));
  }

  start(): void {
    for (const slot of this.#coordinators) this.#startCoordinator(slot);
    for (const index of this.#slots.keys()) this.#startWorker(index);
  }

  get coordinators(): readonly SimProcess[] {
    return this.#coordinators.flatMap(({ process }) => (process?.isAlive === true ? [process] : []));
  }

  get workers(): readonly SimWorker[] {
    return this.#slots.flatMap(({ worker }) => (worker?.process.isAlive === true ? [worker] : []));
  }

  endCoordinator(index: number, downMs: number, how: "kill" | "power loss" | "stop"): void {
    const slot = this.#coordinators[index];
    if (slot?.process?.isAlive !== true) return;
    const { process, stop } = slot;
    slot.downUntil = this.#deps.world.now + downMs;
    if (how !== "stop" || stop === undefined) process.end(how === "power loss");
    else
      stop().then(
        () => process.end(),
        (reason: unknown) => this.#deps.onBug(reason),
      );
  }

  endWorker(index: number, downMs: number, how: "kill" | "power loss" | "stop"): void {
    const slot = this.#slots[index];
    if (slot === undefined) return;
    slot.downUntil = this.#deps.world.now + downMs;
    if (slot.worker?.process.isAlive !== true) return;
    if (how === "stop") slot.worker.stop().catch(this.#deps.onBug);
    else slot.worker.process.end(how === "power loss");
  }

  slowWorker(index: number, factor: number, ms: number): void {
    const slot = this.#slots[index];
    if (slot === undefined) return;
    slot.slowness = factor;
    slot.slowUntil = this.#deps.world.now + ms;
    this.#applySlowness(slot);
    this.#deps.world.after(ms, () => this.#applySlowness(slot));
  }

  freezeCoordinator(index: number, ms: number): void {
    this.#coordinators[index]?.process?.freeze(ms);
  }

  freezeWorker(index: number, ms: number): void {
    this.#slots[index]?.worker?.process.freeze(ms);
  }

  /** The wall clock of a host jumps. */
  jump(host: string, ms: number): void {
    for (const slot of [...this.#coordinators, ...this.#slots]) {
      if (slot.host !== host) continue;
      slot.wallAheadMs += ms;
      const process = "worker" in slot ? slot.worker?.process : slot.process;
      if (process !== undefined) process.wallAheadMs = slot.wallAheadMs;
    }
  }

  #startCoordinator(slot: CoordinatorSlot): void {
    const { world, dice, history } = this.#deps;
    slot.starts += 1;
    const name = `${slot.host}#${slot.starts}`;
    const process = new SimProcess(world, name, slot.host);
    process.wallAheadMs = slot.wallAheadMs;
    slot.process = process;
    slot.stop = undefined;
    process.onEnd((isPowerLoss) => {
      history.tell({ kind: "ended", process: name, detail: isPowerLoss ? "power loss" : "" });
      // A store on a host of its own has what was sent to it.
      if (isPowerLoss && this.#coordinators.length === 1) this.disk.losePower(name, dice.of(`${name} power`));
      else this.disk.outlive(name);
      const pauseMs = Math.max(dice.between(100, 1_500), slot.downUntil - world.now);
      world.after(pauseMs, () => this.#startCoordinator(slot));
    });
    const deps = { ...this.#deps, disk: this.disk, dice: dice.of(name) };
    startSimCoordinator(deps, process, this.#config.coordinator).then(
      (stop) => {
        if (slot.process === process) slot.stop = stop;
      },
      () => process.end(), // it says why and exits; the supervisor tries again
    );
  }

  #startWorker(index: number): void {
    const { world, dice, history, bend } = this.#deps;
    const slot = this.#slots[index];
    if (slot === undefined) return;
    slot.starts += 1;
    const { keepsIds, canShare, times } = this.#config;
    const id = keepsIds ? `w${index}` : `w${index}-${slot.starts}`;
    const name = `w${index}#${slot.starts}`;
    const process = new SimProcess(world, name, slot.host);
    process.wallAheadMs = slot.wallAheadMs;
    process.onEnd(() => {
      history.tell({ kind: "ended", process: name, detail: "" });
      const pauseMs = Math.max(dice.between(100, 1_500), slot.downUntil - world.now);
      world.after(pauseMs, () => this.#startWorker(index));
    });
    const deps = {
      ...this.#deps,
      coordinators: this.#coordinators.map((one) => one.host),
      groups: this.groups,
      dice: dice.of(name),
      bendLink: bend.link ?? ((link) => link),
    };
    slot.worker = new SimWorker(deps, process, workerFacts(id, slot.host, canShare), times);
    this.#applySlowness(slot);
  }

  #applySlowness(slot: Slot): void {
    if (slot.worker === undefined) return;
    slot.worker.process.slowness = slot.slowUntil > this.#deps.world.now ? slot.slowness : 1;
  }
}
