import { ClusterError } from "@cogfleet/core";
import type { SimProcess } from "./sim-process.js";

/** What a socket asks of the network. */
export interface Wire {
  /** How long the next message takes, milliseconds. */
  delayMs(): number;
  /** For how much longer nothing gets from one host to the other, milliseconds. */
  blockedMs(from: string, to: string): number;
  now(): number;
}

type Item<T> =
  | { readonly kind: "message"; readonly message: T }
  | { readonly kind: "end" }
  | { readonly kind: "closed"; readonly reason: ClusterError };

/** One end of a connection: what it sends arrives late and in order, or not at all. */
export class Socket<Out, In> {
  readonly process: SimProcess;
  readonly #wire: Wire;
  readonly #over = new AbortController();
  readonly #outbox: { readonly at: number; readonly item: Item<Out> }[] = [];
  readonly #inbox: In[] = [];
  #peer: Socket<In, Out> | undefined;
  #lastAt = 0;
  #hasEnded = false;
  #isOrphan = false;
  #wake: (() => void) | undefined;

  constructor(wire: Wire, process: SimProcess) {
    this.#wire = wire;
    this.process = process;
  }

  /** Aborts when this end is closed, by whomever; the reason says why. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  get peer(): Socket<In, Out> | undefined {
    return this.#peer;
  }

  /** Messages that have arrived and wait to be read. */
  get unread(): number {
    return this.#inbox.length;
  }

  /** The connection stands. */
  join(peer: Socket<In, Out>): void {
    this.#peer = peer;
    peer.#peer = this;
    for (const _ of this.#outbox) this.#schedule();
  }

  send(message: Out): void {
    this.#queue({ kind: "message", message });
  }

  /** Nothing more will be sent. */
  end(): void {
    this.#queue({ kind: "end" });
  }

  /** The next message; undefined when the other side has ended in order. Throws why the connection is over. */
  async next(): Promise<In | undefined> {
    for (;;) {
      const message = this.#inbox.shift();
      if (message !== undefined) return message;
      if (this.#hasEnded) return undefined;
      this.#over.signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<In, void, undefined> {
    for (;;) {
      const message = await this.next();
      if (message === undefined) return;
      yield message;
    }
  }

  /** Closes both directions; the peer hears of it after what was sent before. Idempotent. */
  close(
    reason = new ClusterError("unavailable", "the connection was closed"),
    atPeer: ClusterError = reason,
  ): void {
    if (this.#over.signal.aborted) return;
    this.#queue({ kind: "closed", reason: atPeer });
    this.#finish(reason);
  }

  /** The kernel closes it for a process that is no more: nothing happens in that process. */
  orphan(reason: ClusterError): void {
    this.#queue({ kind: "closed", reason });
    this.#isOrphan = true;
  }

  #queue(item: Item<Out>): void {
    if (this.#over.signal.aborted || this.#isOrphan || (!this.process.isAlive && item.kind !== "closed"))
      return;
    const at = Math.max(this.#lastAt, this.#wire.now() + this.#wire.delayMs());
    this.#lastAt = at;
    this.#outbox.push({ at, item });
    if (this.#peer !== undefined) this.#schedule();
  }

  #schedule(): void {
    const last = this.#outbox.at(-1)?.at ?? 0;
    this.#peer?.process.after(last - this.#wire.now(), () => this.#deliver());
  }

  /** Hands on what has come by now; runs in the peer's process. */
  #deliver(): void {
    const peer = this.#peer;
    if (peer === undefined || this.#outbox.length === 0) return;
    const blockedMs = this.#wire.blockedMs(this.process.host, peer.process.host);
    if (blockedMs > 0) {
      peer.process.after(blockedMs, () => this.#deliver());
      return;
    }
    for (;;) {
      const first = this.#outbox[0];
      if (first === undefined || first.at > this.#wire.now()) return;
      this.#outbox.shift();
      peer.#receive(first.item);
    }
  }

  #receive(item: Item<In>): void {
    if (this.#over.signal.aborted) return;
    switch (item.kind) {
      case "message":
        this.#inbox.push(item.message);
        break;
      case "end":
        this.#hasEnded = true;
        break;
      case "closed":
        this.#finish(item.reason);
        break;
    }
    this.#wake?.();
  }

  #finish(reason: ClusterError): void {
    this.#over.abort(reason);
    this.#wake?.();
  }
}
