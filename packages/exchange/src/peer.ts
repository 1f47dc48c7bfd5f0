import { type Clock, ClusterError } from "@cogfleet/core";
import { type Block, blockBytes, rankLost } from "@cogfleet/parallel";
import { exchangeApi, PROTOCOL_VERSION } from "@cogfleet/proto";
import type { Beat__Output } from "@cogfleet/proto/gen/cogfleet/v1/Beat";
import type { ExchangeClient } from "@cogfleet/proto/gen/cogfleet/v1/Exchange";
import type { PullRequest } from "@cogfleet/proto/gen/cogfleet/v1/PullRequest";
import type { TensorFrame__Output } from "@cogfleet/proto/gen/cogfleet/v1/TensorFrame";
import {
  type ChannelCredentials,
  type ChannelOptions,
  type ClientReadableStream,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { MOST_FRAME_BYTES } from "./frame.js";
import type { ExchangeLimits } from "./limits.js";
import { type Linked, linked } from "./linked.js";
import { TensorReceiver } from "./receive-tensor.js";
import type { SharedMemoryReader } from "./shared-memory.js";
import { Vigil } from "./vigil.js";
import { saidByPeer } from "./wire-errors.js";

const WINDOW_BYTES = 64 * 1024 * 1024;

const CHANNEL: ChannelOptions = {
  "grpc-node.flow_control_window": WINDOW_BYTES,
  "grpc.max_receive_message_length": MOST_FRAME_BYTES + 1024,
  "grpc.enable_retries": 0,
  "grpc.enable_http_proxy": 0, // peers are neighbours, whatever the environment says about the world
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
  // A connection of its own: a beat must not queue behind another group's tensor.
  "grpc.use_local_subchannel_pool": 1,
};

/** What a group hears of another rank. */
export interface RankEvents {
  onJoined(): void;
  onLeft(): void;
  /** It was lost, or its group has ended: the error names the rank that was the first to go. */
  onLost(error: ClusterError): void;
}

export interface PeerDeps {
  readonly clock: Clock;
  readonly limits: ExchangeLimits;
  readonly credentials: ChannelCredentials;
  readonly reader: SharedMemoryReader;
}

export interface PeerPlace {
  readonly jobId: string;
  readonly epoch: number;
  /** The rank that this is the client of, where it listens ("host:port"), and our own. */
  readonly fromRank: number;
  readonly address: string;
  readonly toRank: number;
}

/** The client of one other rank: pulls its tensors, listens to its beats. */
export class Peer {
  readonly #deps: PeerDeps;
  readonly #place: PeerPlace;
  readonly #events: RankEvents;
  readonly #tensors: ExchangeClient;
  readonly #beats: ExchangeClient;
  #canShareMemory = false;

  constructor(deps: PeerDeps, place: PeerPlace, events: RankEvents) {
    this.#deps = deps;
    this.#place = place;
    this.#events = events;
    const open = (): ExchangeClient => new exchangeApi.Exchange(place.address, deps.credentials, CHANNEL);
    this.#tensors = open();
    this.#beats = open();
  }

  /** Pulls one message into `into`. Fails with what the peer said; when the transport broke, the rank is lost. */
  async pull(tag: string, into: readonly Block[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { clock, limits, reader } = this.#deps;
    const { fromRank } = this.#place;
    const totalBytes = blockBytes(into);
    const sharesMemory = this.#canShareMemory;
    const call = this.#tensors.Pull({ ...this.#name(), tag, totalBytes, sharesMemory });
    const stop = hangingUp(call, signal);
    const vigil = new Vigil(clock, limits.transferIdleMs);
    call.once("metadata", () => {
      const idle = rankLost(fromRank, `nothing of ${tag} came for ${limits.transferIdleMs} ms`);
      whenSilent(vigil, stop, idle);
    });
    const receiver = new TensorReceiver(`${tag} from rank ${fromRank}`, into, totalBytes, reader);
    try {
      for await (const frame of call as AsyncIterable<TensorFrame__Output>) {
        vigil.heard();
        await receiver.take(frame);
        if (receiver.isComplete && receiver.usesSharedMemory) break;
      }
      receiver.finish();
    } catch (reason) {
      signal.throwIfAborted();
      throw this.#explain(stop.signal.aborted ? stop.signal.reason : reason);
    } finally {
      stop.unlink();
      stop.abort(OVER);
    }
  }

  /** Listens until the rank leaves or is lost, or the signal aborts; says so to the events. Never rejects. */
  async watch(signal: AbortSignal): Promise<void> {
    const { clock, limits, reader } = this.#deps;
    const { fromRank } = this.#place;
    const call = this.#beats.WatchRank(this.#name(), new Metadata({ waitForReady: true }));
    const stop = hangingUp(call, signal);
    // Until it has joined there is one long wait; from the first beat on, a short one.
    const joining = linked(stop.signal);
    clock.sleep(limits.joinMs, joining.signal).then(
      () => stop.abort(rankLost(fromRank, `it has not joined within ${limits.joinMs} ms`)),
      () => {}, // it has, or nobody waits any more
    );
    const vigil = new Vigil(clock, limits.silentMs);
    try {
      for await (const beat of call as AsyncIterable<Beat__Output>) {
        vigil.heard();
        if (!joining.signal.aborted) {
          joining.abort(OVER);
          whenSilent(vigil, stop, rankLost(fromRank, `no sign of life for ${limits.silentMs} ms`));
          const probe = { path: beat.probePath, content: beat.probeContent };
          this.#canShareMemory = await reader.canRead(probe);
          this.#events.onJoined();
        }
        if (beat.hasLeft) return this.#events.onLeft();
        if (beat.failure !== "") {
          const details = { rank: beat.failedRank };
          return this.#events.onLost(new ClusterError("peer_lost", beat.failure, { details }));
        }
      }
      throw rankLost(fromRank, "its beats ended without a word");
    } catch (reason) {
      if (signal.aborted) return;
      const error = this.#explain(stop.signal.aborted ? stop.signal.reason : reason);
      this.#events.onLost(error); // also when the peer refused us: it is of another epoch or version
    } finally {
      joining.unlink();
      joining.abort(OVER);
      stop.unlink();
      stop.abort(OVER);
    }
  }

  /** Closes the connections; calls that run fail. */
  close(): void {
    this.#tensors.close();
    this.#beats.close();
  }

  #name(): PullRequest {
    const { jobId, epoch, fromRank, toRank } = this.#place;
    return { protocolVersion: PROTOCOL_VERSION, jobId, epoch, fromRank, toRank };
  }

  /** What went wrong. Who breaks off a transfer, or cannot be reached, is lost to the whole group. */
  #explain(reason: unknown): ClusterError {
    if (reason instanceof ClusterError && reason.code !== "peer_lost") return reason;
    const { fromRank } = this.#place;
    const said = isServiceError(reason) ? saidByPeer(reason) : undefined;
    if (said?.code === "cancelled") return rankLost(fromRank, "it took back what we were pulling", reason);
    if (said !== undefined) return said;
    const how = isServiceError(reason) ? reason.details : "the connection broke";
    const lost = reason instanceof ClusterError ? reason : rankLost(fromRank, how, reason);
    this.#events.onLost(lost);
    return lost;
  }
}

const OVER = new Error("over");

/** A signal that hangs up the call when it aborts, as it does with `signal`. */
function hangingUp(call: ClientReadableStream<unknown>, signal: AbortSignal): Linked {
  call.on("error", () => {}); // thrown by the loop over it; once we have hung up, nobody listens
  const stop = linked(signal);
  stop.signal.addEventListener("abort", () => call.cancel(), { once: true });
  return stop;
}

function whenSilent(vigil: Vigil, stop: Linked, error: ClusterError): void {
  vigil.untilSilent(stop.signal).then(
    () => stop.abort(error),
    () => {}, // the call ended first
  );
}

function isServiceError(reason: unknown): reason is ServiceError {
  return reason instanceof Error && "code" in reason && "details" in reason && "metadata" in reason;
}
