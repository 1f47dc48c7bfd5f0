import { lookup } from "node:dns/promises";
import { ClusterError } from "@cogfleet/core";
import { type CoordinatorAddress, hostOf } from "../dial-leader.js";

/** All addresses of host:port. Throws `unavailable` for a name that nobody knows. */
export async function resolveEndpoint(endpoint: string): Promise<readonly CoordinatorAddress[]> {
  const host = hostOf(endpoint);
  const port = endpoint.slice(endpoint.lastIndexOf(":") + 1);
  try {
    const found = await lookup(host, { all: true });
    return found.map(({ address, family }) => ({
      address: family === 6 ? `[${address}]:${port}` : `${address}:${port}`,
      host,
    }));
  } catch (cause) {
    throw new ClusterError("unavailable", `the name of ${endpoint} cannot be resolved`, { cause });
  }
}
