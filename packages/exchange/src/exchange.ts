import type { Clock, Logger, Random } from "@cogfleet/core";
import { type ChannelCredentials, credentials as grpcCredentials } from "@grpc/grpc-js";
import { GrpcGroup, type Membership } from "./grpc-group.js";
import { DEFAULT_LIMITS, type ExchangeLimits } from "./limits.js";
import { MemberTable } from "./members.js";
import { type ExchangeService, exchangeService } from "./service.js";
import { SharedMemory } from "./shared-memory.js";

export interface ExchangeDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** For dialling the other ranks. Default: plaintext. */
  readonly credentials?: ChannelCredentials;
}

/** A process's part in the exchange of tensors: a service to serve, and groups to join. */
export interface Exchange {
  /** To be added to the process's gRPC server, before any group is joined. */
  readonly service: ExchangeService;
  /** Takes a place in a group. The caller closes the group. */
  join(membership: Membership): GrpcGroup;
  /** Gives the shared memory back. Groups must be closed before. Idempotent. */
  close(): Promise<void>;
}

/** Opens the exchange of this process, once. Limits that are not given have their defaults. */
export async function openExchange(
  { clock, random, log, credentials = grpcCredentials.createInsecure() }: ExchangeDeps,
  options: Partial<ExchangeLimits> = {},
): Promise<Exchange> {
  const limits = { ...DEFAULT_LIMITS, ...options };
  const members = new MemberTable();
  const memory = await SharedMemory.open(random, limits.sharedMemoryBytes);
  return {
    service: exchangeService({ members, memory, clock, log, limits }),
    join: (membership) => new GrpcGroup({ clock, members, limits, credentials }, membership),
    close: async () => memory?.close(),
  };
}
