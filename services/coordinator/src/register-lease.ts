import { type Clock, ClusterError, type Logger, linkSignals } from "@cogfleet/core";
import type { HeldLease, Leader, LeaderLease } from "./leader-lease.js";

/** What the register holds of a lease. */
export interface LeaseRecord extends Leader {
  /** Of the process that leads; "": nobody, the last one has resigned. */
  readonly holder: string;
}

/** One record that several processes read and replace: of a key-value store, or a Lease object of Kubernetes. */
export interface LeaseRegister {
  /**
   * The record as the last writer left it, and what names this version of it; undefined before the first. Throws when
   * the register cannot be reached.
   */
  read(signal: AbortSignal): Promise<{ readonly record: LeaseRecord; readonly revision: string } | undefined>;

  /**
   * Replaces the version that `revision` names, undefined: makes the first one. Returns the new version's name, which
   * differs even when the record does not; undefined when another writer was faster. Throws when the register cannot
   * be reached: it may then have been replaced or not.
   */
  write(record: LeaseRecord, revision: string | undefined, signal: AbortSignal): Promise<string | undefined>;
}

export interface RegisterLeaseDeps {
  readonly register: LeaseRegister;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface RegisterLeaseConfig {
  /** Names this process; no two alike. */
  readonly holder: string;
  /** host:port at which workers reach it. */
  readonly address: string;
  /** A record that stays the same for so long belongs to a process that is gone, milliseconds. */
  readonly leaseMs: number;
}

// A leader renews three times before it is taken for gone.
const RENEWALS = 3;
const LOOKS = 6;
// While nobody can reach the register nobody can lead: a leader that waits for it keeps its workers busy. Two leases are
// what a restart of the register takes; a leader that is cut off alone lets its workers go as soon.
const PATIENCE = 2;

/**
 * A lease by compare and set. No clock is compared with another one's: whoever waits takes over what it has seen
 * unchanged for a whole lease, by its own monotonic clock and with no failed look in between.
 */
export class RegisterLease implements LeaderLease {
  readonly #deps: RegisterLeaseDeps;
  readonly #config: RegisterLeaseConfig;
  #current: Leader | undefined;

  constructor(deps: RegisterLeaseDeps, config: RegisterLeaseConfig) {
    this.#deps = deps;
    this.#config = config;
  }

  current(): Leader | undefined {
    return this.#current;
  }

  async acquire(signal: AbortSignal): Promise<HeldLease> {
    const { register, clock, log } = this.#deps;
    const { holder, address, leaseMs } = this.#config;
    let seen: { readonly revision: string; readonly at: number } | undefined;
    let hasWarned = false;
    for (;;) {
      signal.throwIfAborted();
      try {
        const found = await this.#timely((timely) => register.read(timely), signal);
        const now = clock.now();
        this.#note(found?.record);
        if (found === undefined || seen?.revision !== found.revision)
          seen = found && { revision: found.revision, at: now };
        const isFree = found === undefined || found.record.holder === "";
        if (isFree || (seen !== undefined && now - seen.at >= leaseMs)) {
          const record = { term: (found?.record.term ?? 0) + 1, holder, address };
          const write = (timely: AbortSignal) => register.write(record, found?.revision, timely);
          const revision = await this.#timely(write, signal);
          if (revision !== undefined) return this.#hold(record, revision);
        }
        hasWarned = false;
      } catch (reason) {
        signal.throwIfAborted();
        // What happened meanwhile is not known: the waiting begins anew.
        seen = undefined;
        if (!hasWarned)
          log.warn({ err: reason, code: ClusterError.from(reason).code }, "no leader can be told");
        hasWarned = true;
      }
      await clock.sleep(leaseMs / LOOKS, signal);
    }
  }

  #hold(record: LeaseRecord, revision: string): HeldLease {
    this.#note(record);
    const lost = new AbortController();
    const resigned = new AbortController();
    const keeping = this.#keep(record, revision, resigned.signal).then(
      (last) => last,
      (reason: unknown) => {
        if (this.#current?.term === record.term) this.#current = undefined;
        lost.abort(reason);
        return undefined;
      },
    );
    let end: Promise<void> | undefined;
    const resign = async (): Promise<void> => {
      resigned.abort(new ClusterError("cancelled", "the leader resigned"));
      const last = await keeping;
      if (last === undefined) return;
      this.#current = undefined;
      lost.abort(resigned.signal.reason);
      const free = { ...record, holder: "", address: "" };
      const write = (timely: AbortSignal) => this.#deps.register.write(free, last, timely);
      await this.#timely(write, new AbortController().signal).catch((reason: unknown) =>
        this.#deps.log.warn({ err: reason, term: record.term }, "lease was not given back"),
      );
    };
    return {
      term: record.term,
      lost: lost.signal,
      resign: () => {
        end ??= resign();
        return end;
      },
    };
  }

  /** Renews until the signal aborts, and returns the newest version; throws why the lease is lost. */
  async #keep(record: LeaseRecord, first: string, signal: AbortSignal): Promise<string> {
    const { register, clock, log } = this.#deps;
    const { leaseMs } = this.#config;
    let revision = first;
    let renewedAt = clock.now();
    let pauseMs = leaseMs / RENEWALS;
    for (;;) {
      await clock.sleep(pauseMs, signal).catch(() => {});
      if (signal.aborted) return revision;
      const startedAt = clock.now();
      try {
        const write = (timely: AbortSignal) => register.write(record, revision, timely);
        const renewed = await this.#timely(write, signal);
        revision = renewed ?? (await this.#stillOurs(record, signal));
        renewedAt = startedAt;
        pauseMs = leaseMs / RENEWALS;
      } catch (reason) {
        if (signal.aborted) return revision;
        if (reason instanceof ClusterError && reason.code === "lease_lost") throw reason;
        const silentMs = clock.now() - renewedAt;
        log.warn({ err: reason, term: record.term, silentMs }, "lease was not renewed");
        if (silentMs >= PATIENCE * leaseMs) {
          const text = `term ${record.term} was not renewed for ${Math.round(silentMs)} ms`;
          throw new ClusterError("lease_lost", text, { cause: reason });
        }
        pauseMs = leaseMs / LOOKS;
      }
    }
  }

  /** Another writer was faster: a renewal of ours that seemed to fail, or a new leader. */
  async #stillOurs(record: LeaseRecord, signal: AbortSignal): Promise<string> {
    const found = await this.#timely((timely) => this.#deps.register.read(timely), signal);
    if (found?.record.holder === record.holder && found.record.term === record.term) return found.revision;
    this.#note(found?.record);
    const now = found === undefined ? "nobody leads" : `another one leads, in term ${found.record.term}`;
    throw new ClusterError("lease_lost", `term ${record.term} is over: ${now}`);
  }

  #note(record: LeaseRecord | undefined): void {
    const { term = 0, address = "", holder = "" } = record ?? {};
    this.#current = holder === "" ? undefined : { term, address };
  }

  /** No call may take longer than the pause between two. */
  async #timely<T>(call: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const tooLate = new AbortController();
    const linked = linkSignals(signal, tooLate.signal);
    const limitMs = this.#config.leaseMs / RENEWALS;
    this.#deps.clock.sleep(limitMs, linked.signal).then(
      () => tooLate.abort(new ClusterError("unavailable", `the lease did not answer within ${limitMs} ms`)),
      () => {},
    );
    try {
      return await call(linked.signal);
    } finally {
      tooLate.abort();
      linked.unlink();
    }
  }
}
