import { readFileSync } from "node:fs";
import { type Clock, ClusterError, type Logger, linkSignals, neverAborts, orAbort } from "@cogfleet/core";
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, credsAuthenticator, type NatsConnection, NoRespondersError } from "@nats-io/transport-node";
import { isJetStreamOff, natsError } from "./nats-error.js";

export interface NatsSettings {
  /** One or several, separated by commas: nats://HOST:PORT or tls://HOST:PORT. */
  readonly natsUrl: string;
  /** File with a user's JWT and seed; "": none. */
  readonly natsCreds: string;
  /** "": none. */
  readonly natsUser: string;
  readonly natsPassword: string;
  /** PEM files; "": none. */
  readonly natsTlsCa: string;
  readonly natsTlsCert: string;
  readonly natsTlsKey: string;
}

export interface NatsLinkDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

/** A request that is not answered for so long is asked again. */
const ATTEMPT_MS = 2_000;
const RETRY_MS = 100;
/** A cluster that was just started elects its leader first. */
const OPEN_MS = 15_000;
const REDIAL_MS = 250;

/** A connection to NATS that comes back by itself. */
export class NatsLink {
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly clock: Clock;
  readonly log: Logger;
  readonly #connection: NatsConnection;
  /** Aborts when the connection that stands now is lost. */
  #down = new AbortController();
  /** Resolves when the next one stands; undefined: one does. */
  #up: Promise<void> | undefined;
  #isUp: () => void = () => {};
  readonly #listeners = new Set<() => void>();

  private constructor(
    connection: NatsConnection,
    js: JetStreamClient,
    jsm: JetStreamManager,
    deps: NatsLinkDeps,
  ) {
    this.#connection = connection;
    this.js = js;
    this.jsm = jsm;
    this.clock = deps.clock;
    this.log = deps.log;
    void this.#follow();
  }

  /**
   * Throws `invalid_config` for settings that can never work, `unavailable` when nobody is there, `unsupported` when the
   * server has no JetStream.
   */
  static async open(settings: NatsSettings, deps: NatsLinkDeps): Promise<NatsLink> {
    let connection: NatsConnection;
    const servers = settings.natsUrl.split(",").map((url) => url.trim());
    try {
      connection = await connect({
        servers,
        name: "cogfleet-coordinator",
        maxReconnectAttempts: -1,
        reconnectTimeWait: REDIAL_MS,
        pingInterval: 5_000, // a cut cable shows within fifteen seconds; what is asked meanwhile, within two
        maxPingOut: 2,
        timeout: 5_000,
        noAsyncTraces: true, // a stack for each request, in case it fails, costs 0.05 ms
        ...credentials(settings),
      });
    } catch (reason) {
      throw natsError(`answer at ${servers.join(", ")}`, reason);
    }
    const js = jetstream(connection, { timeout: ATTEMPT_MS });
    const jsm = await jetstreamManager(connection, { timeout: ATTEMPT_MS, checkAPI: false });
    const link = new NatsLink(connection, js, jsm, deps);
    try {
      await link.call("tell of its JetStream", () => link.#checkJetStream(), OPEN_MS, neverAborts);
      link.#greet();
      return link;
    } catch (reason) {
      await connection.close();
      throw reason;
    }
  }

  /** Bytes that a message may have. */
  get maxPayload(): number {
    return this.#connection.info?.max_payload ?? 1024 * 1024;
  }

  /**
   * Does something that may be done twice, again and again until it works. Throws `unavailable` when it has not for
   * `patienceMs`, and what is no passing trouble at once.
   * @param attempt is told whether an earlier attempt may have been carried out
   */
  async call<T>(
    what: string,
    attempt: (isRetry: boolean) => Promise<T>,
    patienceMs: number,
    signal: AbortSignal,
  ): Promise<T> {
    const { clock } = this;
    const startedAt = clock.now();
    for (let isRetry = false; ; isRetry = true) {
      signal.throwIfAborted();
      const leftMs = Math.max(0, patienceMs - (clock.now() - startedAt));
      const late = new AbortController();
      const linked = linkSignals(signal, late.signal);
      // A first attempt has its time, whatever the patience is.
      clock.sleep(isRetry ? leftMs : Math.max(leftMs, ATTEMPT_MS), linked.signal).then(
        () => late.abort(new ClusterError("unavailable", `NATS did not ${what} in time`)),
        () => {}, // it did, or failed at once
      );
      try {
        return await this.once(what, () => attempt(isRetry), leftMs, linked.signal);
      } catch (error) {
        signal.throwIfAborted();
        const isPassing = error instanceof ClusterError && error.code === "unavailable";
        if (!isPassing || clock.now() - startedAt + RETRY_MS >= patienceMs) throw error;
        await clock.sleep(RETRY_MS, signal);
      } finally {
        late.abort();
        linked.unlink();
      }
    }
  }

  /** Calls `listener` whenever the connection is back; returns what stops that. */
  onReconnect(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Does something that can be done but once, when the connection stands or is back in time. Throws as `call`. */
  async once<T>(
    what: string,
    attempt: () => Promise<T>,
    patienceMs: number,
    signal: AbortSignal,
  ): Promise<T> {
    try {
      await this.#connected(patienceMs, signal);
      const linked = linkSignals(signal, this.#down.signal);
      try {
        return await orAbort(attempt(), linked.signal);
      } finally {
        linked.unlink();
      }
    } catch (reason) {
      signal.throwIfAborted();
      throw natsError(what, reason);
    }
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async #connected(patienceMs: number, signal: AbortSignal): Promise<void> {
    if (this.#up === undefined) return;
    const tooLong = new AbortController();
    const linked = linkSignals(signal, tooLong.signal);
    this.clock.sleep(patienceMs, linked.signal).then(
      () => tooLong.abort(new ClusterError("unavailable", "NATS cannot be reached")),
      () => {},
    );
    try {
      await orAbort(this.#up, linked.signal);
    } finally {
      tooLong.abort();
      linked.unlink();
    }
  }

  async #follow(): Promise<void> {
    const { log } = this;
    for await (const status of this.#connection.status()) {
      switch (status.type) {
        case "disconnect":
          if (this.#up !== undefined) break;
          this.#up = new Promise((resolve) => {
            this.#isUp = resolve;
          });
          this.#down.abort(new ClusterError("unavailable", "the connection to NATS was lost"));
          log.warn({ server: status.server }, "NATS disconnected");
          break;
        case "reconnect":
          this.#down = new AbortController();
          this.#up = undefined;
          this.#isUp();
          for (const listener of this.#listeners) listener();
          log.info({ server: status.server }, "NATS connected again");
          break;
        case "error":
          log.warn({ err: status.error }, "NATS reported an error");
          break;
        default:
      }
    }
  }

  async #checkJetStream(): Promise<void> {
    try {
      await this.jsm.getAccountInfo();
    } catch (reason) {
      // Servers of a cluster that has no leader yet are silent instead.
      const isOff = reason instanceof NoRespondersError || isJetStreamOff(reason);
      if (!isOff) throw reason;
      throw new ClusterError(
        "unsupported",
        `NATS at ${this.#connection.getServer()} has no JetStream: start it with -js, or a jetstream block`,
        { cause: reason },
      );
    }
  }

  #greet(): void {
    const version = this.#connection.info?.version ?? "0";
    const server = this.#connection.getServer();
    this.log.info({ server, version }, "NATS connected");
    if (isOlder(version, [2, 10]))
      this.log.warn(
        { version, since: "2.10" },
        "this NATS server cannot sync each write (sync_interval: always): what it acknowledged may be lost with the machine's power",
      );
    if (isOlder(version, [2, 11]))
      this.log.info(
        { version, since: "2.11" },
        "this NATS server ignores the age limit of a key: leases are told by looking, old marks are removed by us",
      );
  }
}

/** Whether a version such as "2.9.10" is older than this major and minor one. */
export function isOlder(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ours = 0, theirs = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  return ours < major || (ours === major && theirs < minor);
}

function credentials(settings: NatsSettings): object {
  const { natsCreds, natsUser, natsPassword, natsTlsCa, natsTlsCert, natsTlsKey } = settings;
  const isTls = natsTlsCa !== "" || natsTlsCert !== "" || settings.natsUrl.includes("tls://");
  const tls = {
    ...(natsTlsCa === "" ? {} : { ca: text(natsTlsCa, "--nats-tls-ca") }),
    ...(natsTlsCert === "" ? {} : { cert: text(natsTlsCert, "--nats-tls-cert") }),
    ...(natsTlsKey === "" ? {} : { key: text(natsTlsKey, "--nats-tls-key") }),
  };
  return {
    ...(isTls ? { tls } : {}),
    ...(natsUser === "" ? {} : { user: natsUser, pass: natsPassword }),
    ...(natsCreds === ""
      ? {}
      : { authenticator: credsAuthenticator(Buffer.from(text(natsCreds, "--nats-creds"))) }),
  };
}

function text(path: string, flag: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ClusterError("invalid_config", `${flag} ${path} cannot be read: ${why}`, { cause });
  }
}
