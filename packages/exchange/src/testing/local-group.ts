import { type Clock, silentLogger, systemClock, systemRandom } from "@cogfleet/core";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { type Exchange, openExchange } from "../exchange.js";
import type { GrpcGroup } from "../grpc-group.js";
import type { ExchangeLimits } from "../limits.js";

/** One process's worth of a group, as a worker has it: an exchange behind a server on a free port. */
export interface LocalRank {
  readonly exchange: Exchange;
  readonly address: string;
  /** Drops every connection without a word. */
  drop(): void;
  stop(): Promise<void>;
}

/** Starts an exchange with a server of its own, on 127.0.0.1. */
export async function startLocalRank(
  limits: Partial<ExchangeLimits> = {},
  clock: Clock = systemClock,
): Promise<LocalRank> {
  const exchange = await openExchange({ clock, random: systemRandom, log: silentLogger }, limits);
  const server = new Server();
  server.addService(exchange.service.definition, exchange.service.handlers);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    exchange,
    address: `127.0.0.1:${port}`,
    drop: () => server.forceShutdown(),
    stop: async () => {
      server.forceShutdown();
      await exchange.close();
    },
  };
}

/** P ranks, each with a server of its own, all in one job. */
export interface LocalGroup {
  readonly ranks: readonly LocalRank[];
  readonly groups: readonly GrpcGroup[];
  close(): Promise<void>;
}

/** Starts P ranks in this process that exchange over real sockets. */
export async function startLocalGroup(
  size: number,
  limits: Partial<ExchangeLimits> = {},
): Promise<LocalGroup> {
  const ranks = await Promise.all(Array.from({ length: size }, () => startLocalRank(limits)));
  const addresses = ranks.map(({ address }) => address);
  const groups = ranks.map(({ exchange }, rank) =>
    exchange.join({ jobId: "job", epoch: 1, rank, addresses }),
  );
  return {
    ranks,
    groups,
    close: async () => {
      await Promise.all(groups.map((group) => group.close()));
      await Promise.all(ranks.map((rank) => rank.stop()));
    },
  };
}
