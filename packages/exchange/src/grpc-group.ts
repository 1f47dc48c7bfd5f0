import { setMaxListeners } from "node:events";
import { type Clock, ClusterError, orAbort } from "@cogfleet/core";
import { type Block, checkPeer, type Group, rankLeft } from "@cogfleet/parallel";
import type { ChannelCredentials } from "@grpc/grpc-js";
import type { ExchangeLimits } from "./limits.js";
import { linked } from "./linked.js";
import type { MemberTable, Outcome } from "./members.js";
import { OfferTable } from "./offers.js";
import { Peer } from "./peer.js";
import { SharedMemoryReader } from "./shared-memory.js";

/** A rank's place in a group, as the coordinator assigns it. */
export interface Membership {
  readonly jobId: string;
  /** Fencing token of the assignment: peers of another epoch are refused. */
  readonly epoch: number;
  readonly rank: number;
  /** Where each rank listens, "host:port", by rank; the own one is not used. */
  readonly addresses: readonly string[];
}

export interface GroupDeps {
  readonly clock: Clock;
  readonly members: MemberTable;
  readonly limits: ExchangeLimits;
  readonly credentials: ChannelCredentials;
}

/** A group over gRPC. Messages are pulled by the receiver; beats tell who lives. */
export class GrpcGroup implements Group {
  readonly rank: number;
  readonly size: number;
  readonly #offers: OfferTable;
  readonly #reader = new SharedMemoryReader();
  readonly #peers: readonly (Peer | undefined)[];
  readonly #watches: readonly Promise<void>[];
  readonly #gone: readonly AbortController[]; // by peer: it has left, and what it sent before has had time to come
  readonly #clock: Clock;
  readonly #lastWordsMs: number;
  readonly #ended = new AbortController(); // the reason is why every call fails
  readonly #allJoined: Promise<void>;
  readonly #setOutcome: (outcome: Outcome) => void;

  /** Joins at once: peers may pull and watch from now on. Throws `lease_lost` when a newer epoch has joined here. */
  constructor(deps: GroupDeps, membership: Membership) {
    const { jobId, epoch, rank, addresses } = membership;
    this.rank = rank;
    this.size = addresses.length;
    this.#clock = deps.clock;
    this.#lastWordsMs = deps.limits.transferIdleMs;
    this.#offers = new OfferTable(rank, deps.limits.offerLimitBytes);
    let setOutcome: (outcome: Outcome) => void = () => {};
    const outcome = new Promise<Outcome>((resolve) => {
      setOutcome = resolve;
    });
    this.#setOutcome = setOutcome;
    deps.members.add({ jobId, epoch, rank, size: this.size, offers: this.#offers, outcome });
    setMaxListeners(0, this.#ended.signal);
    this.#gone = addresses.map(() => new AbortController());
    for (const { signal } of this.#gone) setMaxListeners(0, signal);

    const joins: Promise<void>[] = [];
    this.#peers = addresses.map((address, fromRank) => {
      if (fromRank === rank) return undefined;
      let onJoined = (): void => {};
      joins.push(
        new Promise((resolve) => {
          onJoined = resolve;
        }),
      );
      return new Peer(
        { clock: deps.clock, limits: deps.limits, credentials: deps.credentials, reader: this.#reader },
        { jobId, epoch, fromRank, address, toRank: rank },
        {
          onJoined,
          onLeft: () => this.#endPeer(fromRank),
          onLost: (error) => this.#fail(error),
        },
      );
    });
    this.#allJoined = Promise.all(joins).then(() => {});
    this.#watches = this.#peers.map(async (peer) => peer?.watch(this.#ended.signal));
  }

  /** Resolves once every rank has joined; `peer_lost` when one does not in time. Not needed before send and recv. */
  async joined(signal: AbortSignal): Promise<void> {
    const stop = linked(signal, this.#ended.signal);
    try {
      await orAbort(this.#allJoined, stop.signal);
    } finally {
      stop.unlink();
    }
  }

  /** Aborts when the group has ended, with the reason: for work between two calls. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  async send(to: number, tag: string, blocks: readonly Block[], signal: AbortSignal): Promise<void> {
    checkPeer(this, to);
    signal.throwIfAborted();
    this.#ended.signal.throwIfAborted();
    await this.#offers.offer(to, tag, blocks, signal);
  }

  async recv(from: number, tag: string, into: readonly Block[], signal: AbortSignal): Promise<void> {
    checkPeer(this, from);
    signal.throwIfAborted();
    this.#ended.signal.throwIfAborted();
    const gone = this.#gone[from] as AbortController;
    const stop = linked(signal, this.#ended.signal, gone.signal);
    try {
      await this.#peers[from]?.pull(tag, into, stop.signal);
    } finally {
      stop.unlink();
    }
  }

  /**
   * Leaves the group: without a reason as one that has finished, with one as one that failed, which ends the group on
   * every rank. Idempotent; resolves when the connections are closed.
   */
  async close(reason?: ClusterError): Promise<void> {
    if (reason !== undefined) {
      const failure = `rank ${this.rank} failed: ${reason.code}: ${reason.message}`;
      this.#fail(new ClusterError("peer_lost", failure, { cause: reason, details: { rank: this.rank } }));
    }
    this.#setOutcome({ kind: "left" });
    const left = rankLeft(this.rank);
    this.#offers.end(left);
    this.#ended.abort(left);
    await Promise.all(this.#watches);
    for (const peer of this.#peers) peer?.close();
    await this.#reader.close();
  }

  #endPeer(peer: number): void {
    const left = rankLeft(peer);
    this.#offers.endPeer(peer, left);
    // Its farewell may overtake its last messages, which come over another connection. What it never offered, it refuses.
    this.#clock.sleep(this.#lastWordsMs, this.#ended.signal).then(
      () => this.#gone[peer]?.abort(left),
      () => {}, // the whole group has ended
    );
  }

  #fail(error: ClusterError): void {
    const { rank: lost } = error.details;
    this.#setOutcome({ kind: "failed", error, failedRank: typeof lost === "number" ? lost : this.rank });
    this.#offers.end(error);
    this.#ended.abort(error);
  }
}
