import { ClusterError, type Logger, type Random } from "@cogfleet/core";
import { fleetApi } from "@cogfleet/proto";
import type { CoordinatorMessage__Output } from "@cogfleet/proto/gen/cogfleet/v1/CoordinatorMessage";
import type { FleetClient as FleetStub } from "@cogfleet/proto/gen/cogfleet/v1/Fleet";
import type { WorkerMessage } from "@cogfleet/proto/gen/cogfleet/v1/WorkerMessage";
import { readStream } from "@cogfleet/service";
import type { ChannelCredentials, ClientDuplexStream } from "@grpc/grpc-js";
import type { Command } from "../assignment.js";
import type { CoordinatorAddress } from "../dial-leader.js";
import type { Dial, FleetConnection } from "../fleet-client.js";
import { getCheckpoint, putCheckpoint } from "./checkpoint-transfer.js";
import { commandFromWire, helloToWire, reportToWire, type WorkerFacts, welcomeFromWire } from "./messages.js";
import { putArtifact } from "./put-artifact.js";

const CHANNEL = {
  "grpc.keepalive_time_ms": 5_000,
  "grpc.keepalive_timeout_ms": 5_000, // a cut cable shows within ten seconds
  "grpc.use_local_subchannel_pool": 1, // each attempt dials anew: waiting in between is up to us
};

export interface DialDeps {
  readonly random: Random;
  readonly log: Logger;
  readonly credentials: ChannelCredentials;
}

/** The way to a coordinator over gRPC. */
export function dialCoordinator(
  deps: DialDeps,
  { address, host }: CoordinatorAddress,
  facts: WorkerFacts,
): Dial {
  return async (signal) => {
    const options = { ...CHANNEL, "grpc.ssl_target_name_override": host };
    const stub: FleetStub = new fleetApi.Fleet(address, deps.credentials, options);
    try {
      const call: ClientDuplexStream<WorkerMessage, CoordinatorMessage__Output> = stub.connect();
      const messages = readStream(call, signal);
      const write = (message: WorkerMessage): void => {
        if (call.writable) call.write(message);
      };
      write({ hello: helloToWire(facts) });
      const first = await messages.next();
      if (first.done === true || !first.value.welcome)
        throw new ClusterError("unavailable", "the coordinator ended the connection before its welcome");
      const connection: FleetConnection = {
        lease: welcomeFromWire(first.value.welcome),
        commands: commandsOf(messages, facts, deps),
        report: (report) => write(reportToWire(report)),
        beat: (vitals) => write({ heartbeat: vitals }),
        putArtifact: (...upload) => putArtifact(stub, ...upload),
        putCheckpoint: (...upload) => putCheckpoint(stub, ...upload),
        getCheckpoint: (...download) => getCheckpoint(stub, ...download),
        leave: () => call.end(),
        close: () => stub.close(),
      };
      return connection;
    } catch (reason) {
      stub.close();
      throw reason;
    }
  };
}

async function* commandsOf(
  messages: AsyncIterable<CoordinatorMessage__Output>,
  facts: WorkerFacts,
  { random, log }: DialDeps,
): AsyncGenerator<Command, void, undefined> {
  for await (const message of messages) {
    const command = commandFromWire(message, facts.model, random);
    if (command !== undefined) yield command;
    else log.warn({ message: message.message }, "message of the coordinator not understood");
  }
}
