import { type Clock, ClusterError, linkSignals } from "@cogfleet/core";
import type { Dial, FleetConnection } from "./fleet-client.js";

/** Where a coordinator may be. */
export interface CoordinatorAddress {
  /** host:port to dial. */
  readonly address: string;
  /** Whom to expect there: the host that its certificate names. */
  readonly host: string;
}

export interface DialLeaderDeps {
  readonly clock: Clock;
  /** The way to one coordinator. */
  readonly dialAt: (where: CoordinatorAddress) => Dial;
  /** All addresses that an endpoint, host:port, stands for now. Throws `unavailable` when there is none. */
  readonly resolve: (endpoint: string) => Promise<readonly CoordinatorAddress[]>;
}

/** One that does not answer must not keep us from the others. */
const PATIENCE_MS = 3_000;

/** What another coordinator would say as well. */
const FATAL = new Set(["incompatible_version", "invalid_checkpoint", "invalid_request"]);

/**
 * The way to whichever of several coordinators leads: first where we were last, then whoever is named by those that do
 * not lead, then all in turn. Throws the last refusal when none of them takes us.
 * @param endpoints host:port each; a name stands for all of its addresses
 */
export function dialLeader(deps: DialLeaderDeps, endpoints: readonly string[]): Dial {
  let last: CoordinatorAddress | undefined;
  return async (signal) => {
    const tried = new Set<string>();
    const next = last === undefined ? [] : [last];
    last = undefined;
    const unresolved = [...endpoints];
    let refusal = new ClusterError("unavailable", `${endpoints.join(", ")} has no address`);
    for (;;) {
      const where = next.shift();
      try {
        if (where === undefined) {
          const endpoint = unresolved.shift();
          if (endpoint === undefined) break;
          next.push(...(await deps.resolve(endpoint)));
        } else if (!tried.has(where.address)) {
          tried.add(where.address);
          const connection = await inTime(deps, where, signal);
          last = where;
          return connection;
        }
      } catch (reason) {
        signal.throwIfAborted();
        refusal = ClusterError.from(reason);
        if (FATAL.has(refusal.code)) throw refusal;
        const { leader } = refusal.details;
        if (typeof leader === "string") next.unshift({ address: leader, host: hostOf(leader) });
      }
    }
    throw refusal;
  };
}

/** The host of host:port, an IPv6 address without its brackets. */
export function hostOf(endpoint: string): string {
  return endpoint.slice(0, endpoint.lastIndexOf(":")).replace(/^\[(.*)\]$/, "$1");
}

async function inTime(
  { clock, dialAt }: DialLeaderDeps,
  where: CoordinatorAddress,
  signal: AbortSignal,
): Promise<FleetConnection> {
  const late = new AbortController();
  const answered = new AbortController();
  const linked = linkSignals(signal, late.signal);
  clock.sleep(PATIENCE_MS, answered.signal).then(
    () => late.abort(new ClusterError("unavailable", `${where.address} was silent for ${PATIENCE_MS} ms`)),
    () => {}, // it answered
  );
  try {
    // The connection that comes of it ends with the signal, and so stays linked.
    return await dialAt(where)(linked.signal);
  } catch (reason) {
    linked.unlink();
    throw reason;
  } finally {
    answered.abort();
  }
}
