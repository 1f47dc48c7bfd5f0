import { neverAborts, silentLogger, systemClock, systemRandom } from "@cogfleet/core";
import { type GrpcGroup, openExchange } from "@cogfleet/exchange";
import { startRpcServer } from "@cogfleet/service";

/** Ranks in this process that exchange over loopback, each with a server of its own. */
export interface LocalRanks {
  readonly groups: readonly GrpcGroup[];
  close(): Promise<void>;
}

/** Starts them, over TCP alone. */
export async function openLocalRanks(ranks: number): Promise<LocalRanks> {
  // All ranks share one event loop: what looks silent may only be waiting its turn.
  const limits = { sharedMemoryBytes: 0, silentMs: 60_000, transferIdleMs: 60_000 };
  const ends = await Promise.all(
    Array.from({ length: ranks }, async () => {
      const deps = { clock: systemClock, random: systemRandom, log: silentLogger };
      const exchange = await openExchange(deps, limits);
      const options = { host: "127.0.0.1", port: 0, services: [exchange.service], log: silentLogger };
      return { exchange, server: await startRpcServer(options) };
    }),
  );
  const addresses = ends.map(({ server }) => `127.0.0.1:${server.port}`);
  const groups = ends.map(({ exchange }, rank) =>
    exchange.join({ jobId: "modelled", epoch: 1, rank, addresses }),
  );
  await Promise.all(groups.map((group) => group.joined(neverAborts)));
  return {
    groups,
    close: async () => {
      await Promise.all(groups.map((group) => group.close()));
      for (const { exchange, server } of ends) {
        await server.stop(AbortSignal.timeout(1_000));
        await exchange.close();
      }
    },
  };
}
