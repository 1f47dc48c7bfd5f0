import { type Clock, silentLogger } from "@cogfleet/core";
import { openCredentials, type TlsFiles } from "@cogfleet/service";
import type { GenerationClient } from "./generation.js";
import { connectGeneration } from "./grpc-client.js";

/** Where a coordinator is, and how we make ourselves known to it. */
export interface CoordinatorAddress {
  readonly endpoint: string;
  readonly tls: TlsFiles | undefined;
}

/** A client of the coordinator; the caller closes it. Throws `invalid_config` when a TLS file cannot be used. */
export async function openClient(
  { endpoint, tls }: CoordinatorAddress,
  clock: Clock,
): Promise<GenerationClient> {
  const credentials = await openCredentials(tls, { clock, log: silentLogger });
  const client = connectGeneration(endpoint, credentials.channel, clock);
  return {
    ...client,
    close() {
      client.close();
      void credentials.stop();
    },
  };
}
