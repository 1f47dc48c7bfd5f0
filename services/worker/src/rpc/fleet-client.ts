import { type Clock, ClusterError, type Logger, linkSignals, type Random } from "@cogfleet/core";
import { fleetApi } from "@cogfleet/proto";
import type { CoordinatorMessage__Output } from "@cogfleet/proto/gen/cogfleet/v1/CoordinatorMessage";
import type { FleetClient as FleetStub } from "@cogfleet/proto/gen/cogfleet/v1/Fleet";
import type { WorkerMessage } from "@cogfleet/proto/gen/cogfleet/v1/WorkerMessage";
import { readStream } from "@cogfleet/service";
import { type ClientDuplexStream, credentials } from "@grpc/grpc-js";
import type { Artifact, AssignmentId, Checkpoint, Command, CoordinatorLink, Report } from "../assignment.js";
import { getCheckpoint, putCheckpoint } from "./checkpoint-transfer.js";
import {
  commandFromWire,
  helloToWire,
  type Lease,
  reportToWire,
  type WorkerFacts,
  welcomeFromWire,
} from "./messages.js";
import { putArtifact } from "./put-artifact.js";

export interface FleetClientDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Milliseconds by which the event loop was late at worst since the last call. */
  readonly takeLagMs: () => number;
  readonly onCommand: (command: Command) => void;
  /** A connection stands; whether it is the first one, too. */
  readonly onWelcome: () => void;
  /** What was assigned over an earlier connection is no longer ours. */
  readonly onLeaseLost: (reason: ClusterError) => void;
}

type Call = ClientDuplexStream<WorkerMessage, CoordinatorMessage__Output>;

const CHANNEL = {
  "grpc.keepalive_time_ms": 5_000,
  "grpc.keepalive_timeout_ms": 5_000, // a cut cable shows within ten seconds
  "grpc.use_local_subchannel_pool": 1, // each attempt dials anew: waiting in between is up to us
};
const WELCOME_TIMEOUT_MS = 10_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 3_000;

/** The coordinator said no, and will again. */
const FATAL = new Set(["incompatible_version", "invalid_checkpoint", "invalid_request"]);

/** Keeps a worker connected to its coordinator: says hello, beats, passes commands on, carries reports and artifacts. */
export class FleetClient implements CoordinatorLink {
  readonly #deps: FleetClientDeps;
  readonly #address: string;
  readonly #facts: WorkerFacts;
  #stub: FleetStub | undefined;
  #call: Call | undefined;
  #isLeaving = false;
  #hasWarned = false;
  #leaseMs = 0;

  /** @param address host:port */
  constructor(deps: FleetClientDeps, address: string, facts: WorkerFacts) {
    this.#deps = deps;
    this.#address = address;
    this.#facts = facts;
  }

  get isConnected(): boolean {
    return this.#call !== undefined;
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
        const outcome = await this.#connection(() => lease.abort(), signal);
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
    this.#call?.end();
  }

  report(report: Report): void {
    if (this.#call?.writable === true) this.#call.write(reportToWire(report));
  }

  async putArtifact(
    id: AssignmentId,
    artifact: Artifact,
    data: Uint8Array,
    signal: AbortSignal,
  ): Promise<void> {
    await putArtifact(this.#reach("to store the video"), id, artifact, data, signal);
  }

  async putCheckpoint(
    id: AssignmentId,
    checkpoint: Checkpoint,
    data: Uint8Array,
    signal: AbortSignal,
  ): Promise<void> {
    await putCheckpoint(this.#reach("to store a step"), id, checkpoint, data, signal);
  }

  getCheckpoint(id: AssignmentId, signal: AbortSignal): Promise<Uint8Array> {
    return getCheckpoint(this.#reach("to go on from a step"), id, signal);
  }

  #reach(what: string): FleetStub {
    if (this.#stub === undefined)
      throw new ClusterError("unavailable", `the coordinator cannot be reached ${what}`);
    return this.#stub;
  }

  /** One connection, from dialling to its end. `onWelcome` is called once the coordinator took us in. */
  async #connection(
    onWelcome: () => void,
    signal: AbortSignal,
  ): Promise<{ readonly wasWelcome: boolean; readonly error: ClusterError }> {
    const stub = new fleetApi.Fleet(this.#address, credentials.createInsecure(), CHANNEL);
    const over = new AbortController();
    const linked = linkSignals(signal, over.signal);
    let wasWelcome = false;
    try {
      const call = stub.connect();
      const messages = readStream(call, linked.signal);
      call.write({ hello: helloToWire(this.#facts) });
      const lease = await this.#welcome(messages, linked.signal);
      wasWelcome = true;
      onWelcome();
      this.#stub = stub;
      this.#call = call;
      this.#leaseMs = lease.leaseMs;
      this.#welcomed();
      if (this.#isLeaving) call.end();
      void this.#beat(call, lease, linked.signal);
      for await (const message of messages) this.#receive(message);
      return { wasWelcome, error: new ClusterError("unavailable", "the coordinator ended the connection") };
    } catch (reason) {
      return { wasWelcome, error: ClusterError.from(reason) };
    } finally {
      this.#stub = undefined;
      this.#call = undefined;
      over.abort(new ClusterError("cancelled", "the connection is over"));
      linked.unlink();
      stub.close();
    }
  }

  async #welcome(
    messages: AsyncGenerator<CoordinatorMessage__Output, void, undefined>,
    signal: AbortSignal,
  ): Promise<Lease> {
    const inTime = new AbortController();
    const linked = linkSignals(signal, inTime.signal);
    const timeout = this.#deps.clock.sleep(WELCOME_TIMEOUT_MS, linked.signal).then(() => {
      throw new ClusterError("unavailable", `no welcome came within ${WELCOME_TIMEOUT_MS} ms`);
    });
    timeout.catch(() => {}); // the race may be over before
    try {
      const first = await Promise.race([messages.next(), timeout]);
      if (first.done === true || !first.value.welcome)
        throw new ClusterError("unavailable", "the coordinator ended the connection before its welcome");
      return welcomeFromWire(first.value.welcome);
    } finally {
      inTime.abort();
      linked.unlink();
    }
  }

  #welcomed(): void {
    const { log, onLeaseLost, onWelcome } = this.#deps;
    this.#hasWarned = false;
    log.info({ coordinator: this.#address, workerId: this.#facts.id }, "connected to the coordinator");
    // The end of the connection before told the coordinator that we were gone: what we held is somebody else's now.
    onLeaseLost(new ClusterError("lease_lost", "the connection to the coordinator was lost in between"));
    onWelcome();
  }

  #receive(message: CoordinatorMessage__Output): void {
    const { log, onCommand, random } = this.#deps;
    const command = commandFromWire(message, this.#facts.model, random);
    if (command === undefined)
      log.warn({ message: message.message }, "message of the coordinator not understood");
    else onCommand(command);
  }

  async #beat(call: Call, { heartbeatMs }: Lease, signal: AbortSignal): Promise<void> {
    const { clock, takeLagMs } = this.#deps;
    try {
      for (;;) {
        await clock.sleep(heartbeatMs, signal);
        if (call.writable) call.write({ heartbeat: { eventLoopLagMs: takeLagMs() } });
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
    this.#deps.log.warn(
      { coordinator: this.#address, reason: error.message },
      `no connection to the coordinator at ${this.#address}; trying on`,
    );
  }
}
