import { ClusterError, orAbort } from "@cogfleet/core";
import { type Block, blockBytes, lengthMismatch, offersFull, tagInUse } from "@cogfleet/parallel";

const MOST_WAITING = 4096;

/** A message that a peer is pulling. The blocks are the sender's: to be read before `done`, never after. */
export interface TakenOffer {
  readonly blocks: readonly Block[];
  readonly bytes: number;
  /** Aborts when the sender takes the message back or the group ends. */
  readonly withdrawn: AbortSignal;
  /** The message was copied, or could not be: the sender has its blocks back. */
  done(error?: ClusterError): void;
}

interface Offer extends TakenOffer {
  isTaken: boolean;
}

interface Waiting {
  readonly bytes: number;
  resolve(offer: TakenOffer): void;
  reject(error: ClusterError): void;
}

/** What one rank has on offer, and the pulls that came before their offer. Holds references, copies nothing. */
export class OfferTable {
  readonly #rank: number;
  readonly #limitBytes: number;
  readonly #offers = new Map<string, Offer>();
  readonly #waiting = new Map<string, Waiting>();
  readonly #endedPeers = new Map<number, ClusterError>();
  #ended: ClusterError | undefined;
  #offeredBytes = 0;

  constructor(rank: number, limitBytes: number) {
    this.#rank = rank;
    this.#limitBytes = limitBytes;
  }

  /** Settles when a pull has taken the message, or it cannot be taken any more. */
  async offer(to: number, tag: string, blocks: readonly Block[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const ended = this.#ended ?? this.#endedPeers.get(to);
    if (ended !== undefined) throw ended;
    const key = keyOf(to, tag);
    const name = { from: this.#rank, to, tag };
    if (this.#offers.has(key)) throw tagInUse("send", name);
    const bytes = blockBytes(blocks);
    if (this.#offeredBytes + bytes > this.#limitBytes) {
      throw offersFull(tag, bytes, this.#offeredBytes, this.#limitBytes);
    }
    const withdrawal = new AbortController();
    const taken = new Promise<void>((resolve, reject) => {
      const done = (error?: ClusterError): void => (error === undefined ? resolve() : reject(error));
      this.#offers.set(key, { blocks, bytes, withdrawn: withdrawal.signal, done, isTaken: false });
    });
    this.#offeredBytes += bytes;
    try {
      this.#match(to, tag);
      await orAbort(taken, signal);
    } catch (reason) {
      withdrawal.abort(reason); // a transfer under way must not read the blocks again
      throw reason;
    } finally {
      this.#offeredBytes -= bytes;
      this.#offers.delete(key);
    }
  }

  /** Waits for the message. When the sizes differ, it fails on both sides. */
  async take(to: number, tag: string, bytes: number, signal: AbortSignal): Promise<TakenOffer> {
    signal.throwIfAborted();
    const ended = this.#ended ?? this.#endedPeers.get(to);
    if (ended !== undefined) throw ended;
    const key = keyOf(to, tag);
    if (this.#waiting.has(key)) throw tagInUse("recv", { from: this.#rank, to, tag });
    if (this.#waiting.size >= MOST_WAITING) {
      throw new ClusterError("resource_exhausted", `rank ${this.#rank} has ${MOST_WAITING} pulls waiting`);
    }
    const met = new Promise<TakenOffer>((resolve, reject) => {
      this.#waiting.set(key, { bytes, resolve, reject });
    });
    this.#match(to, tag);
    try {
      return await orAbort(met, signal);
    } finally {
      this.#waiting.delete(key);
    }
  }

  /** The group has ended: everything fails, now and later. */
  end(error: ClusterError): void {
    this.#ended ??= error;
    for (const offer of this.#offers.values()) offer.done(error);
    for (const waiting of this.#waiting.values()) waiting.reject(error);
  }

  /** A peer has finished: what is meant for it fails. */
  endPeer(peer: number, error: ClusterError): void {
    this.#endedPeers.set(peer, error);
    for (const [key, offer] of this.#offers) if (key.startsWith(`${peer} `)) offer.done(error);
    for (const [key, waiting] of this.#waiting) if (key.startsWith(`${peer} `)) waiting.reject(error);
  }

  #match(to: number, tag: string): void {
    const key = keyOf(to, tag);
    const offer = this.#offers.get(key);
    const waiting = this.#waiting.get(key);
    if (offer === undefined || offer.isTaken || waiting === undefined) return;
    this.#waiting.delete(key);
    if (offer.bytes === waiting.bytes) {
      offer.isTaken = true;
      waiting.resolve(offer);
      return;
    }
    const error = lengthMismatch({ from: this.#rank, to, tag }, offer.bytes, waiting.bytes);
    offer.done(error);
    waiting.reject(error);
  }
}

function keyOf(to: number, tag: string): string {
  return `${to} ${tag}`;
}
