import type { WorkerFacts } from "@cogfleet/coordinator/testing/domain.js";
import {
  type CoordinatorLink,
  type Dial,
  dialLeader,
  FleetClient,
  type FleetConnection,
  Worker,
} from "@cogfleet/worker/testing/domain.js";
import type { Dice } from "./dice.js";
import { MODEL } from "./fake-facts.js";
import { type ComputeTimes, SimModel, simEncoder } from "./fake-model.js";
import type { History } from "./history.js";
import type { Network } from "./network.js";
import { type Door, loggerOf } from "./sim-coordinator.js";
import { type LinkPerils, simDial } from "./sim-dial.js";
import type { SimGroups } from "./sim-group.js";
import type { SimProcess } from "./sim-process.js";

/** How long a stop may take before what runs is handed back at once. */
const GRACE_MS = 10_000;

export interface SimWorkerDeps {
  readonly network: Network<Door>;
  readonly groups: SimGroups<Door>;
  /** Hosts of the coordinators. */
  readonly coordinators: readonly string[];
  readonly dice: Dice;
  readonly perils: LinkPerils;
  readonly history: History;
  readonly onBug: (reason: unknown) => void;
  /** Puts a defect between the worker and its coordinator. */
  readonly bendLink: (link: FleetConnection, process: SimProcess) => FleetConnection;
}

/** A worker's process: the real one, but for its wires and what it computes. */
export class SimWorker {
  readonly process: SimProcess;
  readonly facts: WorkerFacts;
  readonly #worker: Worker;
  readonly #client: FleetClient;
  readonly #stopping = new AbortController();
  readonly #connected: Promise<void>;

  constructor(deps: SimWorkerDeps, process: SimProcess, facts: WorkerFacts, times: ComputeTimes) {
    const { groups, dice, history } = deps;
    this.process = process;
    this.facts = facts;
    const { clock } = process;
    const log = loggerOf(history, process);
    const random = dice.random();
    let running: { readonly jobId: string; readonly epoch: number } | undefined;
    const onBegin = (step: number): void => {
      if (running === undefined) return;
      const { jobId, epoch } = running;
      history.tell({ kind: "begun", worker: process.name, jobId, epoch, step });
    };
    const model = new SimModel(process, MODEL, times, onBegin);
    const addresses = deps.coordinators.map((host) => ({ address: `${host}:7070`, host }));
    const dialAt = ({ host }: { readonly host: string }): Dial => simDial({ ...deps, process, facts }, host);
    const dial = dialLeader({ clock, dialAt, resolve: async () => addresses }, ["coordinators"]);
    this.#client = new FleetClient({
      clock,
      random,
      log,
      dial: async (signal) => deps.bendLink(await dial(signal), process),
      address: "coordinators",
      takeVitals: () => ({ eventLoopLagMs: 0, stepComputeSeconds: model.stepSeconds, runSeconds: 0 }),
      onCommand: (command) => {
        if (command.kind === "assign") model.stepSeconds = 0;
        this.#worker.handle(command);
      },
      onLeaseLost: (reason) => this.#worker.abandon(reason),
      onWelcome: () => {
        if (this.#worker.isDraining) this.#client.report({ kind: "draining" });
      },
    });
    const client = this.#client;
    const link: CoordinatorLink = {
      report(report) {
        if (report.kind === "stage_started") running = report;
        client.report(report);
      },
      putArtifact: (...upload) => client.putArtifact(...upload),
      putCheckpoint: (...upload) => client.putCheckpoint(...upload),
      getCheckpoint: (...download) => client.getCheckpoint(...download),
    };
    this.#worker = new Worker({
      model,
      encoder: simEncoder(process),
      join: ({ jobId, epoch, rank, peers }) =>
        groups.join(process, { jobId, epoch, rank, hosts: peers.map((peer) => peer.exchangeAddress) }),
      link,
      measureLink: ({ probeId, rank, peers }) => {
        const peerId = peers[1 - rank]?.id ?? "";
        const measured = { bytesPerSecond: 1e9, latencySeconds: 1e-3 };
        process.after(200, () => client.report({ kind: "link_measured", probeId, peerId, ...measured }));
      },
      clock,
      observer: { stepDone() {} },
      log,
      onBroken: () => process.end(),
      onLeave: () => void this.stop().catch(deps.onBug),
    });
    this.#connected = this.#client.run(this.#stopping.signal).catch(() => process.end());
    history.tell({ kind: "started", process: process.name, detail: facts.id });
  }

  get isBusy(): boolean {
    return this.#worker.isBusy;
  }

  /** SIGTERM: hands back what runs at its next step, leaves, and ends. */
  async stop(): Promise<void> {
    this.#worker.drain();
    await Promise.race([this.#worker.idle(), this.process.pass(GRACE_MS)]);
    this.#worker.giveBack();
    this.#client.leave();
    await Promise.race([this.#connected, this.process.pass(GRACE_MS)]);
    this.#stopping.abort();
    this.process.end();
  }
}
