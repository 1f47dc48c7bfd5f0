import { type Clock, ClusterError, type Logger, linkSignals, type Random } from "@cogfleet/core";
import type { Artifact, AssignmentId, Checkpoint, Command, CoordinatorLink, Report } from "./assignment.js";

/** How often a worker beats, and after which silence it is taken for dead. */
export interface Lease {
  readonly heartbeatMs: number;
  readonly leaseMs: number;
}

/** What a worker says of itself with every heartbeat. */
export interface Vitals {
  /** Milliseconds by which the event loop was late at worst since the beat before. */
  readonly eventLoopLagMs: number;
  /** Seconds for which it computed in the newest step of what it runs; 0: there was none yet. */
  readonly stepComputeSeconds: number;
  /** Seconds for which the run under way of a graph has lasted; 0: none is. */
  readonly runSeconds: number;
}

/** A connection that the coordinator has welcomed. */
export interface FleetConnection extends CoordinatorLink {
  readonly lease: Lease;
  /**
   * What the coordinator says, to be read once. Ends when it ends the connection in order; throws what else ended it.
   */
  readonly commands: AsyncIterable<Command>;
  beat(vitals: Vitals): void;
  /** Ends our side in order: what was reported before still arrives. */
  leave(): void;
  /** Gives the connection up. Idempotent. */
  close(): void;
}

/**
 * Connects and says hello; resolves with the welcome. The connection ends when the signal aborts, whenever that is; what
 * was opened is closed when it throws.
 */
export type Dial = (signal: AbortSignal) => Promise<FleetConnection>;

export interface FleetClientDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly dial: Dial;
  /** The coordinator's address, for the log. */
  readonly address: string;
  /** Asked once a beat. */
  readonly takeVitals: () => Vitals;
  readonly onCommand: (command: Command) => void;
  /** A connection stands; whether it is the first one, too. */
  readonly onWelcome: () => void;
  /** What was assigned over an earlier connection is no longer ours. */
  readonly onLeaseLost: (reason: ClusterError) => void;
}

const WELCOME_TIMEOUT_MS = 10_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 3_000;
const UPLOAD_PAUSE_MS = 500;

/** The coordinator said no, and will again. */
const FATAL = new Set(["incompatible_version", "invalid_checkpoint", "invalid_request"]);

/** Keeps a worker connected to its coordinator: dials, beats, passes commands on, carries reports and artifacts. */
export class FleetClient implements CoordinatorLink {
  readonly #deps: FleetClientDeps;
  #connection: FleetConnection | undefined;
  #isLeaving = false;
  #hasWarned = false;
  #leaseMs = 0;

  constructor(deps: FleetClientDeps) {
    this.#deps = deps;
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  /**
   * Stays connected until the signal aborts or `leave` is called; tries for ever. Throws what the coordinator will never
   * take: `incompatible_version`, `invalid_checkpoint` or `invalid_request`.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#deps;
    let lease = new AbortController();
    let pauseMs = FIRST_PAUSE_MS;
    try {
      while (!signal.aborted && !this.#isLeaving) {
        const outcome = await this.#connect(() => lease.abort(), signal);
        if (outcome.wasWelcome) {
          pauseMs = FIRST_PAUSE_MS;
          lease = new AbortController();
          this.#watchLease(lease.signal);
        }
        if (signal.aborted || this.#isLeaving) return;
        if (FATAL.has(outcome.error.code)) throw outcome.error;
        this.#warn(outcome.error);
        // A thousand workers must not come back in the same moment.
        const jitter = 0.75 + 0.5 * (random.seed() / 2 ** 48);
        await clock.sleep(pauseMs * jitter, signal).catch(() => {});
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      }
    } finally {
      lease.abort();
    }
  }

  /** Ends the connection in order, and `run` with it. */
  leave(): void {
    this.#isLeaving = true;
    this.#connection?.leave();
  }

  report(report: Report): void {
    this.#connection?.report(report);
  }

  async putArtifact(
    id: AssignmentId,
    artifact: Artifact,
    data: Uint8Array,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#persist(
      () => this.#reach("to store the video").putArtifact(id, artifact, data, signal),
      signal,
    );
  }

  async putCheckpoint(
    id: AssignmentId,
    checkpoint: Checkpoint,
    data: Uint8Array,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#persist(
      () => this.#reach("to store a step").putCheckpoint(id, checkpoint, data, signal),
      signal,
    );
  }

  async getCheckpoint(id: AssignmentId, signal: AbortSignal): Promise<Uint8Array> {
    return this.#persist(() => this.#reach("to go on from a step").getCheckpoint(id, signal), signal);
  }

  /**
   * Tries until it is done. While the coordinator or its store cannot be reached, what was computed is kept: when it is
   * not ours to hand in any more, the assignment is given up, and the signal aborts.
   */
  async #persist<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { clock, log } = this.#deps;
    for (let hasWarned = false; ; ) {
      try {
        return await call();
      } catch (reason) {
        signal.throwIfAborted();
        const { code, message } = ClusterError.from(reason);
        if (code !== "unavailable") throw reason;
        if (!hasWarned) log.warn({ reason: message }, "what was computed cannot be handed in now; trying on");
        hasWarned = true;
        await clock.sleep(UPLOAD_PAUSE_MS, signal);
      }
    }
  }

  #reach(what: string): FleetConnection {
    if (this.#connection === undefined)
      throw new ClusterError("unavailable", `the coordinator cannot be reached ${what}`);
    return this.#connection;
  }

  /** One connection, from dialling to its end. `onWelcome` is called once the coordinator took us in. */
  async #connect(
    onWelcome: () => void,
    signal: AbortSignal,
  ): Promise<{ readonly wasWelcome: boolean; readonly error: ClusterError }> {
    const over = new AbortController();
    const linked = linkSignals(signal, over.signal);
    let connection: FleetConnection | undefined;
    try {
      connection = await this.#dialInTime(over, linked.signal);
      onWelcome();
      this.#connection = connection;
      this.#leaseMs = connection.lease.leaseMs;
      this.#welcomed();
      if (this.#isLeaving) connection.leave();
      void this.#beat(connection, linked.signal);
      for await (const command of connection.commands) this.#deps.onCommand(command);
      return {
        wasWelcome: true,
        error: new ClusterError("unavailable", "the coordinator ended the connection"),
      };
    } catch (reason) {
      return { wasWelcome: connection !== undefined, error: ClusterError.from(reason) };
    } finally {
      this.#connection = undefined;
      over.abort(new ClusterError("cancelled", "the connection is over"));
      linked.unlink();
      connection?.close();
    }
  }

  async #dialInTime(over: AbortController, signal: AbortSignal): Promise<FleetConnection> {
    const { clock, dial } = this.#deps;
    const inTime = new AbortController();
    clock.sleep(WELCOME_TIMEOUT_MS, inTime.signal).then(
      () => over.abort(new ClusterError("unavailable", `no welcome came within ${WELCOME_TIMEOUT_MS} ms`)),
      () => {}, // it came
    );
    try {
      return await dial(signal);
    } finally {
      inTime.abort();
    }
  }

  #welcomed(): void {
    const { log, onLeaseLost, onWelcome } = this.#deps;
    this.#hasWarned = false;
    log.info({ coordinator: this.#deps.address }, "connected to the coordinator");
    // The end of the connection before told the coordinator that we were gone: what we held is somebody else's now.
    onLeaseLost(new ClusterError("lease_lost", "the connection to the coordinator was lost in between"));
    onWelcome();
  }

  async #beat(connection: FleetConnection, signal: AbortSignal): Promise<void> {
    const { clock, takeVitals } = this.#deps;
    try {
      for (;;) {
        await clock.sleep(connection.lease.heartbeatMs, signal);
        connection.beat(takeVitals());
      }
    } catch {
      // the connection is over
    }
  }

  /** From the end of a connection on: when the lease runs out before the next one stands, what runs is given up. */
  #watchLease(signal: AbortSignal): void {
    const { clock, onLeaseLost } = this.#deps;
    const reason = `the coordinator could not be reached for ${this.#leaseMs} ms`;
    clock.sleep(this.#leaseMs, signal).then(
      () => onLeaseLost(new ClusterError("lease_lost", reason)),
      () => {}, // connected again, or over
    );
  }

  #warn(error: ClusterError): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const { log, address } = this.#deps;
    const fields = { coordinator: address, reason: error.message };
    log.warn(fields, `no connection to the coordinator at ${address}; trying on`);
  }
}
