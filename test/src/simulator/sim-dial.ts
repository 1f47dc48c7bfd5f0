import { createHash } from "node:crypto";
import type { WorkerCommand, WorkerFacts, WorkerReport } from "@cogfleet/coordinator/testing/domain.js";
import { ClusterError, linkSignals, neverAborts, orAbort } from "@cogfleet/core";
import type { Command, Dial, FleetConnection, Report } from "@cogfleet/worker/testing/domain.js";
import { type Caller, serverStream, upload } from "./calls.js";
import type { Network } from "./network.js";
import type { Door } from "./sim-coordinator.js";
import { never, type SimProcess } from "./sim-process.js";
import type { Socket } from "./socket.js";

type FromWorker = { readonly kind: "hello"; readonly facts: WorkerFacts } | WorkerReport;
type ToWorker =
  | { readonly kind: "welcome"; readonly heartbeatMs: number; readonly leaseMs: number }
  | { readonly kind: "command"; readonly command: WorkerCommand };

/** What a worker's link asks of the faults. */
export interface LinkPerils {
  /** The process comes by a named point, and may end there. */
  reach(process: SimProcess, point: string): void;
}

export interface SimDialDeps {
  readonly network: Network<Door>;
  readonly process: SimProcess;
  readonly facts: WorkerFacts;
  readonly perils: LinkPerils;
  readonly onBug: (reason: unknown) => void;
}

const PIECE_BYTES = 200;

/** The worker's way to a coordinator: what services/worker/src/rpc and services/coordinator/src/rpc do over gRPC. */
export function simDial(deps: SimDialDeps, host: string): Dial {
  const { network, process, facts, onBug } = deps;
  const caller: Caller<Door> = { network, process, host, onBug };
  return async (signal) => {
    const socket = network.connect<FromWorker, ToWorker>(process, caller.host, (door, far) => {
      void serveWorker(door, far, onBug);
    });
    const onAbort = (): void => socket.close(ClusterError.from(signal.reason));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    socket.over.addEventListener("abort", () => signal.removeEventListener("abort", onAbort), { once: true });
    socket.send({ kind: "hello", facts });
    const welcome = await socket.next();
    if (welcome?.kind !== "welcome") {
      socket.close();
      throw new ClusterError("unavailable", "the coordinator ended the connection before its welcome");
    }
    return connectionOf(deps, caller, socket, welcome);
  };
}

function connectionOf(
  { process, perils, network }: SimDialDeps,
  caller: Caller<Door>,
  socket: Socket<FromWorker, ToWorker>,
  lease: FleetConnection["lease"],
): FleetConnection {
  const at = async (point: string): Promise<void> => {
    perils.reach(process, point);
    if (!process.isAlive) await never();
  };
  const again = (send: () => void): void => {
    const lateMs = network.repeatMs(process.host);
    if (lateMs !== undefined) process.after(lateMs, send);
  };
  const put = async (
    point: string,
    data: Uint8Array,
    handler: Parameters<typeof upload<Door>>[2],
    signal: AbortSignal,
  ): Promise<void> => {
    await at(`${point} before`);
    const send = (signal: AbortSignal): Promise<void> => upload(caller, piecesOf(data), handler, signal);
    await send(signal);
    again(() => void send(neverAborts).catch(() => {})); // it may be refused by now
    await at(`${point} after`);
  };
  return {
    lease: { heartbeatMs: lease.heartbeatMs, leaseMs: lease.leaseMs },
    commands: commandsOf(socket),
    beat: ({ stepComputeSeconds }) => socket.send({ kind: "heartbeat", stepComputeSeconds }),
    report(report) {
      perils.reach(process, `worker.report ${report.kind} before`);
      const message = toWorkerReport(report);
      socket.send(message);
      again(() => socket.send(message));
      perils.reach(process, `worker.report ${report.kind} after`);
    },
    putArtifact: (id, artifact, data, signal) =>
      put(
        "worker.putArtifact",
        data,
        ({ coordinator }, pieces, gone) => coordinator.artifacts.put(id, artifact, pieces, gone),
        signal,
      ),
    putCheckpoint: (id, checkpoint, data, signal) =>
      put(
        "worker.putCheckpoint",
        data,
        ({ coordinator }, pieces, gone) => coordinator.fleet.putCheckpoint(id, checkpoint, pieces, gone),
        signal,
      ),
    getCheckpoint: (id, signal) => getCheckpoint(caller, id, signal),
    leave: () => socket.end(),
    close: () => socket.close(),
  };
}

async function getCheckpoint(
  caller: Caller<Door>,
  id: { readonly jobId: string; readonly epoch: number },
  signal: AbortSignal,
): Promise<Uint8Array> {
  type Chunk = { readonly bytes: number; readonly sha256: string } | Uint8Array;
  async function* read({ coordinator }: Door, gone: AbortSignal): AsyncGenerator<Chunk> {
    const { checkpoint, pieces } = await coordinator.checkpoints.open(id, gone);
    yield { bytes: checkpoint.bytes, sha256: checkpoint.sha256 };
    yield* pieces;
  }
  const pieces: Uint8Array[] = [];
  let announced: { readonly bytes: number; readonly sha256: string } | undefined;
  for await (const chunk of serverStream(caller, read, signal)) {
    if (chunk instanceof Uint8Array) pieces.push(chunk);
    else announced = chunk;
  }
  const whole = Buffer.concat(pieces);
  const sha256 = createHash("sha256").update(whole).digest("hex");
  if (whole.length !== announced?.bytes || sha256 !== announced.sha256)
    throw new ClusterError("data_loss", `the checkpoint of job ${id.jobId} came damaged`);
  return whole;
}

/** The coordinator's end of a worker's stream. */
async function serveWorker(
  door: Door,
  far: Socket<ToWorker, FromWorker>,
  onBug: (reason: unknown) => void,
): Promise<void> {
  const { fleet } = door.coordinator;
  const closing = new AbortController();
  const linked = linkSignals(far.over, door.stopping, closing.signal);
  try {
    const hello = await orAbort(far.next(), linked.signal);
    if (hello?.kind !== "hello")
      throw new ClusterError("invalid_request", "the first message of a worker must be its hello");
    const session = fleet.connect(hello.facts, {
      send: (command) => far.send({ kind: "command", command }),
      close: (reason) => closing.abort(reason),
    });
    let isOrderly = false;
    try {
      far.send({ kind: "welcome", heartbeatMs: door.heartbeatMs, leaseMs: door.leaseMs });
      fleet.ready();
      for (;;) {
        const report = await orAbort(far.next(), linked.signal);
        isOrderly = report === undefined;
        if (report === undefined || report.kind === "hello") break;
        await session.receive(report);
      }
    } finally {
      await session.end(door.stopping.aborted, isOrderly);
    }
    far.end();
    far.close();
  } catch (reason) {
    const error = ClusterError.from(reason);
    if (error.code === "internal") onBug(reason);
    far.close(error);
  } finally {
    linked.unlink();
  }
}

async function* commandsOf(socket: Socket<FromWorker, ToWorker>): AsyncGenerator<Command, void, undefined> {
  for await (const message of socket) if (message.kind === "command") yield toCommand(message.command);
}

function toCommand(command: WorkerCommand): Command {
  if (command.kind === "measure_link" || command.kind === "drain") return command;
  const { jobId, epoch } = command;
  if (command.kind !== "assign") return { kind: command.kind, id: { jobId, epoch } };
  const { request: args, plan, rank, peers, startStep } = command;
  const { embedMetadata, extraArtifacts } = args;
  return {
    kind: "assign",
    assignment: { jobId, epoch, args, embedMetadata, extraArtifacts, plan, rank, peers, startStep },
  };
}

function toWorkerReport(report: Report): WorkerReport {
  switch (report.kind) {
    case "draining":
    case "stage_started":
    case "step_done":
    case "link_measured":
      return report;
    case "done": {
      const { outcome, ...id } = report;
      return { ...id, ...outcome };
    }
    case "failed": {
      const { code, message, ...rest } = report;
      return { ...rest, error: { code, message } };
    }
  }
}

function piecesOf(data: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += PIECE_BYTES) pieces.push(data.slice(at, at + PIECE_BYTES));
  return pieces;
}
