import { neverAborts, silentLogger, systemClock, systemRandom } from "@cogfleet/core";
import { type GrpcGroup, openExchange } from "@cogfleet/exchange";
import { startRpcServer } from "@cogfleet/service";

/** How the bytes travel. */
export type Way = "tcp" | "shared-memory";

export type Addresses = Readonly<Record<Way, string>>;

/** A process's end of both ways: a server, and once the others' addresses are known, a group for each. */
export interface End {
  readonly addresses: Addresses;
  /** `all` is by rank, the own one among them. */
  join(rank: number, all: readonly Addresses[]): Promise<Readonly<Record<Way, GrpcGroup>>>;
  /** Leaves the groups and stops the servers. */
  close(): Promise<void>;
}

/** Opens the exchange twice, with and without shared memory. */
export async function openEnd(options: { readonly frameBytes?: number } = {}): Promise<End> {
  const open = async (sharedMemoryBytes: number) => {
    const deps = { clock: systemClock, random: systemRandom, log: silentLogger };
    const exchange = await openExchange(deps, { sharedMemoryBytes, ...options });
    const host = "127.0.0.1";
    const server = await startRpcServer({ host, port: 0, services: [exchange.service], log: silentLogger });
    return { exchange, server, address: `${host}:${server.port}` };
  };
  const tcp = await open(0);
  const shared = await open(1024 ** 3);
  const groups: GrpcGroup[] = [];
  return {
    addresses: { tcp: tcp.address, "shared-memory": shared.address },
    join: async (rank, all) => {
      const join = async ({ exchange }: typeof tcp, way: Way): Promise<GrpcGroup> => {
        const addresses = all.map((of) => of[way]);
        const group = exchange.join({ jobId: "bench", epoch: 1, rank, addresses });
        groups.push(group);
        await group.joined(neverAborts);
        return group;
      };
      return { tcp: await join(tcp, "tcp"), "shared-memory": await join(shared, "shared-memory") };
    },
    close: async () => {
      await Promise.all(groups.map((group) => group.close()));
      for (const { server, exchange } of [tcp, shared]) {
        await server.stop(AbortSignal.timeout(1_000));
        await exchange.close();
      }
    },
  };
}
