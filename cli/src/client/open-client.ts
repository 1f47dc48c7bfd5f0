import { type Clock, silentLogger, systemRandom } from "@cogfleet/core";
import { openCredentials, type TlsFiles } from "@cogfleet/service";
import { anyOf } from "./any-of.js";
import type { GenerationClient } from "./generation.js";
import { connectGeneration } from "./grpc-client.js";

/** Where a coordinator is, and how we make ourselves known to it. */
export interface CoordinatorAddress {
  /** host:port; of several coordinators that answer alike, separated by commas. */
  readonly endpoint: string;
  readonly tls: TlsFiles | undefined;
}

/** A client of the coordinator; the caller closes it. Throws `invalid_config` when a TLS file cannot be used. */
export async function openClient(
  { endpoint, tls }: CoordinatorAddress,
  clock: Clock,
): Promise<GenerationClient> {
  const credentials = await openCredentials(tls, { clock, log: silentLogger });
  const clients = endpoint.split(",").map((one) => connectGeneration(one.trim(), credentials.channel, clock));
  const [only] = clients;
  const client = clients.length === 1 && only !== undefined ? only : anyOf(clients, () => systemRandom.id());
  return {
    ...client,
    close() {
      client.close();
      void credentials.stop();
    },
  };
}
