import { ClusterError, orAbort } from "@cogfleet/core";
import { type Block, blockBytes, copyBlocks } from "./block.js";
import { checkPeer, type Group } from "./group.js";
import {
  lengthMismatch,
  type MessageName,
  offersFull,
  rankLeft,
  rankLost,
  tagInUse,
} from "./group-errors.js";

export interface MemoryGroupOptions {
  /** Called when both sides of a message are there; it moves once the promise resolves. Delays and reorders. */
  readonly beforeTransfer?: (message: MessageName) => Promise<void>;
  /** Bytes that a rank may have on offer. Default 4 GiB. */
  readonly offerLimitBytes?: number;
}

/** P ranks in one process. */
export interface MemoryGroups {
  /** By rank. */
  readonly groups: readonly Group[];
  /** The rank dies: every call on every rank ends with `peer_lost`. */
  kill(rank: number): void;
  /** The rank has finished: calls that need it end with `peer_lost`, others go on. */
  leave(rank: number): void;
}

/** Ranks that exchange within one process: for tests, and the measure of what an exchange costs without a wire. */
export function memoryGroups(size: number, options: MemoryGroupOptions = {}): MemoryGroups {
  const exchange = new MemoryExchange(size, options);
  return {
    groups: Array.from({ length: size }, (_, rank): Group => {
      const place = { rank, size };
      return {
        ...place,
        send: async (to, tag, blocks, signal) => {
          checkPeer(place, to);
          await exchange.meet("send", { from: rank, to, tag }, blocks, signal);
        },
        recv: async (from, tag, into, signal) => {
          checkPeer(place, from);
          await exchange.meet("recv", { from, to: rank, tag }, into, signal);
        },
      };
    }),
    kill: (rank) => exchange.kill(rank),
    leave: (rank) => exchange.leave(rank),
  };
}

interface Half {
  readonly blocks: readonly Block[];
  readonly bytes: number;
  settle(error?: ClusterError): void;
}

interface Meeting {
  readonly name: MessageName;
  send?: Half | undefined;
  recv?: Half | undefined;
}

class MemoryExchange {
  readonly #meetings = new Map<string, Meeting>();
  readonly #beforeTransfer: (message: MessageName) => Promise<void>;
  readonly #offerLimitBytes: number;
  readonly #offeredBytes: number[];
  readonly #left = new Set<number>();
  #lost: ClusterError | undefined;

  constructor(size: number, options: MemoryGroupOptions) {
    this.#beforeTransfer = options.beforeTransfer ?? (async () => {});
    this.#offerLimitBytes = options.offerLimitBytes ?? 4 * 1024 ** 3;
    this.#offeredBytes = Array.from({ length: size }, () => 0);
  }

  /** One side of a message: settles when the message has moved, or cannot. */
  async meet(
    side: "send" | "recv",
    name: MessageName,
    blocks: readonly Block[],
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    if (this.#lost !== undefined) throw this.#lost;
    for (const rank of [name.from, name.to]) if (this.#left.has(rank)) throw rankLeft(rank);
    const key = `${name.from}>${name.to} ${name.tag}`;
    const meeting: Meeting = this.#meetings.get(key) ?? { name };
    if (meeting[side] !== undefined) throw tagInUse(side, name);
    const bytes = blockBytes(blocks);
    const release = side === "send" ? this.#reserve(name, bytes) : () => {};
    this.#meetings.set(key, meeting);

    const settled = new Promise<void>((resolve, reject) => {
      const settle = (error?: ClusterError): void => (error === undefined ? resolve() : reject(error));
      meeting[side] = { blocks, bytes, settle };
    });
    const mine = meeting[side];
    this.#move(meeting).catch((reason: unknown) => end(meeting, ClusterError.from(reason)));
    try {
      await orAbort(settled, signal);
    } finally {
      release();
      if (meeting[side] === mine) meeting[side] = undefined;
      const isOver = meeting.send === undefined && meeting.recv === undefined;
      if (isOver && this.#meetings.get(key) === meeting) this.#meetings.delete(key);
    }
  }

  kill(rank: number): void {
    const lost = rankLost(rank, "killed");
    this.#lost ??= lost;
    for (const meeting of this.#meetings.values()) end(meeting, lost);
  }

  leave(rank: number): void {
    this.#left.add(rank);
    for (const meeting of this.#meetings.values()) {
      if (meeting.name.from === rank || meeting.name.to === rank) end(meeting, rankLeft(rank));
    }
  }

  #reserve(name: MessageName, bytes: number): () => void {
    const offered = this.#offeredBytes[name.from] as number;
    if (offered + bytes > this.#offerLimitBytes) {
      throw offersFull(name.tag, bytes, offered, this.#offerLimitBytes);
    }
    this.#offeredBytes[name.from] = offered + bytes;
    return () => {
      this.#offeredBytes[name.from] = (this.#offeredBytes[name.from] as number) - bytes;
    };
  }

  async #move(meeting: Meeting): Promise<void> {
    const { name, send, recv } = meeting;
    if (send === undefined || recv === undefined) return;
    if (send.bytes !== recv.bytes) return end(meeting, lengthMismatch(name, send.bytes, recv.bytes));
    await this.#beforeTransfer(name);
    // Meanwhile a side may have given up, or the group have ended.
    if (meeting.send !== send || meeting.recv !== recv) return;
    copyBlocks(send.blocks, recv.blocks);
    end(meeting);
  }
}

function end(meeting: Meeting, error?: ClusterError): void {
  const { send, recv } = meeting;
  // Gone at once: the tag may be used again before the callers have run on.
  meeting.send = undefined;
  meeting.recv = undefined;
  send?.settle(error);
  recv?.settle(error);
}
