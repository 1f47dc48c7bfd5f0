import { type Clock, ClusterError, type Logger, linkSignals, orAbort } from "@cogfleet/core";
import { PROTOCOL_VERSION } from "@cogfleet/proto";
import type { ArtifactChunk__Output } from "@cogfleet/proto/gen/cogfleet/v1/ArtifactChunk";
import type {
  CheckpointChunk,
  CheckpointChunk__Output,
} from "@cogfleet/proto/gen/cogfleet/v1/CheckpointChunk";
import type { CoordinatorMessage } from "@cogfleet/proto/gen/cogfleet/v1/CoordinatorMessage";
import type { FleetHandlers } from "@cogfleet/proto/gen/cogfleet/v1/Fleet";
import type { GetCheckpointRequest__Output } from "@cogfleet/proto/gen/cogfleet/v1/GetCheckpointRequest";
import type { Peer } from "@cogfleet/proto/gen/cogfleet/v1/Peer";
import type { WorkerMessage__Output } from "@cogfleet/proto/gen/cogfleet/v1/WorkerMessage";
import { bidi, clientStream, serverStream } from "@cogfleet/service";
import type { Artifacts } from "../artifacts.js";
import type { Checkpoints } from "../checkpoints.js";
import type { Fleet } from "../fleet.js";
import type { Observer } from "../observer.js";
import type { WorkerCommand, WorkerFacts } from "../workers.js";
import {
  artifactFromWire,
  assignmentFromWire,
  checkpointFromWire,
  helloFromWire,
  reportFromWire,
  requireProtocol,
} from "./fleet-from-wire.js";
import { requestToWire } from "./job-to-wire.js";
import { planToWire } from "./plan-to-wire.js";

export interface FleetHandlersDeps {
  readonly fleet: Fleet;
  readonly artifacts: Artifacts;
  readonly checkpoints: Checkpoints;
  readonly clock: Clock;
  readonly observer: Pick<Observer, "checkpointStored">;
  readonly log: Logger;
  /** Aborts when the server stops: ends the workers' streams. */
  readonly stopping: AbortSignal;
}

export interface FleetHandlersConfig {
  readonly heartbeatMs: number;
  readonly leaseMs: number;
}

/** The workers' door. */
export function fleetHandlers(deps: FleetHandlersDeps, config: FleetHandlersConfig): FleetHandlers {
  const { fleet, artifacts, checkpoints, clock, observer, log } = deps;
  return {
    Connect: bidi<WorkerMessage__Output, CoordinatorMessage>(
      "Connect",
      log,
      async (messages, send, { signal }) => {
        const closing = new AbortController();
        const linked = linkSignals(signal, deps.stopping, closing.signal);
        try {
          await connect(deps, config, {
            messages: messages[Symbol.asyncIterator](),
            send,
            close: (reason) => closing.abort(reason),
            signal: linked.signal,
          });
        } finally {
          linked.unlink();
        }
      },
    ),

    PutArtifact: clientStream<ArtifactChunk__Output, object>(
      "PutArtifact",
      log,
      async (chunks, { signal }) => {
        const messages = chunks[Symbol.asyncIterator]();
        const first = await messages.next();
        const header = first.done === true ? undefined : first.value.header;
        if (!header?.artifact) {
          throw new ClusterError("invalid_request", "the first message must be a header with an artifact");
        }
        requireProtocol(header.protocolVersion, "the worker");
        const artifact = artifactFromWire(header.artifact);
        await artifacts.put(assignmentFromWire(header), artifact, dataOf(messages), signal);
        return {};
      },
    ),

    PutCheckpoint: clientStream<CheckpointChunk__Output, object>(
      "PutCheckpoint",
      log,
      async (chunks, { signal }) => {
        const messages = chunks[Symbol.asyncIterator]();
        const first = await messages.next();
        const header = first.done === true ? undefined : first.value.header;
        if (!header?.checkpoint)
          throw new ClusterError("invalid_request", "the first message must be a header with a checkpoint");
        requireProtocol(header.protocolVersion, "the worker");
        const state = checkpointFromWire(header.checkpoint);
        const from = clock.now();
        await fleet.putCheckpoint(assignmentFromWire(header), state, dataOf(messages), signal);
        observer.checkpointStored(state.bytes, (clock.now() - from) / 1000);
        return {};
      },
    ),

    GetCheckpoint: serverStream<GetCheckpointRequest__Output, CheckpointChunk>(
      "GetCheckpoint",
      log,
      (request, { signal }) => getCheckpoint(checkpoints, request, signal),
    ),
  };
}

async function* getCheckpoint(
  checkpoints: Checkpoints,
  request: GetCheckpointRequest__Output,
  signal: AbortSignal,
): AsyncGenerator<CheckpointChunk> {
  requireProtocol(request.protocolVersion, "the worker");
  const assignment = assignmentFromWire(request);
  const { checkpoint, pieces } = await checkpoints.open(assignment, signal);
  const { step, bytes, sha256 } = checkpoint;
  yield { header: { protocolVersion: PROTOCOL_VERSION, ...assignment, checkpoint: { step, bytes, sha256 } } };
  for await (const data of pieces) yield { data: Buffer.from(data.buffer, data.byteOffset, data.byteLength) };
}

interface Stream {
  readonly messages: AsyncIterator<WorkerMessage__Output>;
  readonly send: (message: CoordinatorMessage) => Promise<void>;
  readonly close: (reason: ClusterError) => void;
  readonly signal: AbortSignal;
}

async function connect(deps: FleetHandlersDeps, config: FleetHandlersConfig, stream: Stream): Promise<void> {
  const { fleet, log } = deps;
  const { messages, signal } = stream;
  const worker = helloFromWire(await firstHello(deps.clock, config.leaseMs, stream));
  // A message that cannot be sent means that the worker is gone, which the end of its stream tells too.
  const send = (message: CoordinatorMessage): void => {
    stream.send(message).catch(() => log.debug({ workerId: worker.id }, "message not sent"));
  };
  const link = { send: (command: WorkerCommand) => send(commandToWire(command)), close: stream.close };
  const session = fleet.connect(worker, link);
  let isOrderly = false;
  try {
    send({ welcome: { protocolVersion: PROTOCOL_VERSION, ...config } });
    fleet.ready();
    for (;;) {
      const { value, done } = await orAbort(messages.next(), signal);
      if (done === true) {
        isOrderly = true;
        return;
      }
      await session.receive(reportFromWire(value));
    }
  } finally {
    await session.end(deps.stopping.aborted, isOrderly);
  }
}

async function firstHello(clock: Clock, patienceMs: number, { messages, signal }: Stream) {
  const patience = new AbortController();
  const linked = linkSignals(signal, patience.signal);
  clock.sleep(patienceMs, linked.signal).then(
    () => patience.abort(new ClusterError("deadline_exceeded", `no hello came within ${patienceMs} ms`)),
    () => {},
  );
  try {
    const { value, done } = await orAbort(messages.next(), linked.signal);
    if (done === true || !value.hello) {
      throw new ClusterError("invalid_request", "the first message of a worker must be its hello");
    }
    return value.hello;
  } finally {
    patience.abort();
    linked.unlink();
  }
}

function commandToWire(command: WorkerCommand): CoordinatorMessage {
  switch (command.kind) {
    case "assign": {
      const { jobId, epoch, request, plan, rank, peers, startStep, traceparent } = command;
      return {
        assign: {
          jobId,
          epoch,
          request: requestToWire(request),
          plan: planToWire(plan),
          rank,
          peers: peers.map(peerToWire),
          startStep,
          ...(traceparent === undefined ? {} : { traceparent }),
        },
      };
    }
    case "drain":
      return { drain: {} };
    case "yield":
      return { yieldAssignment: { jobId: command.jobId, epoch: command.epoch } };
    case "cancel":
      return { cancelAssignment: { jobId: command.jobId, epoch: command.epoch } };
    case "measure_link": {
      const { probeId, rank, peers } = command;
      return { measureLink: { probeId, rank, peers: peers.map(peerToWire) } };
    }
  }
}

function peerToWire({ id, exchangeAddress }: Pick<WorkerFacts, "id" | "exchangeAddress">): Peer {
  return { workerId: id, exchangeAddress };
}

async function* dataOf(messages: AsyncIterator<{ readonly data?: Buffer }>): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { value, done } = await messages.next();
    if (done === true) return;
    if (!value.data) throw new ClusterError("invalid_request", "only the first message may be a header");
    yield value.data;
  }
}
