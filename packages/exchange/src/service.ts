import { type Clock, ClusterError, type Logger } from "@cogfleet/core";
import { exchangeApi, PROTOCOL_VERSION } from "@cogfleet/proto";
import type { Beat } from "@cogfleet/proto/gen/cogfleet/v1/Beat";
import type { PullRequest__Output } from "@cogfleet/proto/gen/cogfleet/v1/PullRequest";
import type { WatchRankRequest__Output } from "@cogfleet/proto/gen/cogfleet/v1/WatchRankRequest";
import {
  type handleServerStreamingCall,
  Metadata,
  type ServerWritableStream,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { sendBeats } from "./beats.js";
import { frameEncoder, type WireFrame } from "./frame.js";
import type { ExchangeLimits } from "./limits.js";
import type { Member, MemberTable } from "./members.js";
import { sendTensor } from "./send-tensor.js";
import type { SharedMemory } from "./shared-memory.js";
import { toWire } from "./wire-errors.js";

/** The service as a gRPC server takes it. */
export interface ExchangeService {
  readonly definition: ServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
}

export interface ServiceDeps {
  readonly members: MemberTable;
  readonly memory: SharedMemory | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: ExchangeLimits;
}

/** Serves tensors and signs of life of every rank in this process. */
export function exchangeService(deps: ServiceDeps): ExchangeService {
  const { Pull, WatchRank } = exchangeApi.Exchange.service;
  const encode = frameEncoder(deps.limits.frameBytes, Pull.responseSerialize);
  return {
    definition: { Pull: { ...Pull, responseSerialize: encode }, WatchRank },
    handlers: {
      Pull: streaming<PullRequest__Output, WireFrame>(deps.log, "Pull", (request, call, signal) =>
        pull(deps, request, call, signal),
      ),
      WatchRank: streaming<WatchRankRequest__Output, Beat>(deps.log, "WatchRank", (request, call, signal) =>
        watch(deps, request, call, signal),
      ),
    },
  };
}

async function pull(
  { members, memory, clock, limits }: ServiceDeps,
  request: PullRequest__Output,
  call: Call<PullRequest__Output, WireFrame>,
  signal: AbortSignal,
): Promise<void> {
  const member = await find(members, request, signal);
  const { toRank, tag } = request;
  const offer = await member.offers.take(toRank, tag, parseUint("total_bytes", request.totalBytes), signal);
  call.sendMetadata(new Metadata()); // tells the puller that from now on silence is a fault
  const outlet = { write: (frame: WireFrame) => write(call, frame), signal };
  await sendTensor(
    { clock, limits, memory: request.sharesMemory ? memory : undefined },
    offer,
    toRank,
    outlet,
  );
}

async function watch(
  { members, memory, clock, limits }: ServiceDeps,
  request: WatchRankRequest__Output,
  call: Call<WatchRankRequest__Output, Beat>,
  signal: AbortSignal,
): Promise<void> {
  const member = await find(members, request, signal);
  const deps = { clock, beatMs: limits.beatMs, probe: memory?.probe };
  await sendBeats(deps, member.outcome, (beat) => write(call, beat), signal);
}

type Call<Req, Res> = ServerWritableStream<Req, Res>;

/** The rank that a request names, once it has joined; every part of the name must be right. */
async function find(
  members: MemberTable,
  request: Pick<PullRequest__Output, "protocolVersion" | "jobId" | "epoch" | "fromRank" | "toRank">,
  signal: AbortSignal,
): Promise<Member> {
  const { protocolVersion, jobId, fromRank, toRank } = request;
  if (protocolVersion !== PROTOCOL_VERSION) {
    throw new ClusterError(
      "incompatible_version",
      `the peer speaks protocol ${protocolVersion}, this worker ${PROTOCOL_VERSION}`,
    );
  }
  if (jobId === "") throw new ClusterError("invalid_request", "job_id is required");
  const member = await members.find(jobId, parseUint("epoch", request.epoch), signal);
  if (fromRank !== member.rank || toRank >= member.size || toRank === fromRank) {
    throw new ClusterError(
      "invalid_request",
      `from_rank ${fromRank} and to_rank ${toRank} do not fit: this is rank ${member.rank} of ${member.size}`,
    );
  }
  return member;
}

function parseUint(field: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new ClusterError("invalid_request", `${field} ${text} must be below 2^53`);
}

function streaming<Req, Res>(
  log: Logger,
  rpc: string,
  work: (request: Req, call: Call<Req, Res>, signal: AbortSignal) => Promise<void>,
): handleServerStreamingCall<Req, Res> {
  return (call) => {
    const hangUp = new AbortController();
    call.on("cancelled", () => hangUp.abort(new ClusterError("cancelled", "the peer hung up")));
    const done = work(call.request, call, hangUp.signal).then(
      () => call.end(),
      (reason: unknown) => {
        const error = ClusterError.from(reason);
        if (error.code === "internal" && !hangUp.signal.aborted)
          log.error({ err: reason, rpc }, "exchange failed");
        call.emit("error", toWire(error));
      },
    );
    done.finally(() => hangUp.abort(new ClusterError("cancelled", "the call is over"))).catch(() => {});
  };
}

function write<Req, Res>(call: Call<Req, Res>, message: Res): Promise<void> {
  return new Promise((resolve, reject) => {
    call.write(message, (error: Error | null | undefined) => (error ? reject(error) : resolve()));
  });
}
