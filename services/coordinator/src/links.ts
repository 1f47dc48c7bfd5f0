import type { Link } from "@cogfleet/parallel";
import type { Connection } from "./workers.js";

/** What peers were seen to exchange over loopback (docs/log.md); between hosts, 10 Gb/s Ethernet. Until it is measured. */
const SAME_HOST: Link = { bytesPerSecond: 1.5e9, latencySeconds: 0.4e-3 };
const OTHER_HOST: Link = { bytesPerSecond: 1.1e9, latencySeconds: 0.6e-3 };

/** A network changes rarely; a measurement that failed says little. */
const FRESH_MS = 3_600_000;
const RETRY_MS = 60_000;

interface Entry {
  /** Undefined: it was tried only. */
  readonly link: Link | undefined;
  readonly at: number;
}

/** Two idle workers that are to measure the way between their hosts, both directions. */
export interface LinkProbe {
  readonly id: string;
  /** By rank. */
  readonly members: readonly [Connection, Connection];
}

/** What is known of the ways between hosts. Workers of one host share its links, so one pair measures for all. */
export class LinkTable {
  readonly #entries = new Map<string, Entry>();

  /** From one host to another, or within one: as it was measured, else as is usual. */
  between(fromHost: string, toHost: string): Link {
    const measured = this.#entries.get(wayOf(fromHost, toHost))?.link;
    return measured ?? (fromHost === toHost ? SAME_HOST : OTHER_HOST);
  }

  /** @param at monotonic milliseconds */
  record(fromHost: string, toHost: string, link: Link, at: number): void {
    this.#entries.set(wayOf(fromHost, toHost), { link, at });
  }

  /**
   * The pair that should measure next, and counts as tried from now on; undefined: nothing is to be measured. Only idle
   * workers that can exchange tensors are asked.
   * @param at monotonic milliseconds
   */
  next(idle: readonly Connection[], id: string, at: number): LinkProbe | undefined {
    const able = idle.filter(({ worker }) => worker.exchangeAddress !== "");
    for (const [i, first] of able.entries()) {
      for (const second of able.slice(i + 1)) {
        const hosts = [first.worker.hostname, second.worker.hostname] as const;
        if (this.#isKnown(hosts[0], hosts[1], at) && this.#isKnown(hosts[1], hosts[0], at)) continue;
        for (const [from, to] of [hosts, [hosts[1], hosts[0]] as const]) {
          const link = this.#entries.get(wayOf(from, to))?.link;
          // As old as it takes for the next try to come in a minute; a measurement makes it fresh.
          this.#entries.set(wayOf(from, to), { link, at: at - FRESH_MS + RETRY_MS });
        }
        return { id, members: [first, second] };
      }
    }
    return undefined;
  }

  #isKnown(from: string, to: string, at: number): boolean {
    const entry = this.#entries.get(wayOf(from, to));
    return entry !== undefined && at - entry.at < FRESH_MS;
  }
}

function wayOf(fromHost: string, toHost: string): string {
  return `${fromHost} ${toHost}`;
}
