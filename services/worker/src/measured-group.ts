import { blockBytes } from "@cogfleet/parallel";
import { BusyTime } from "./busy-time.js";
import type { JoinedGroup } from "./run-assignment.js";

/** What ranks exchange within a step: attention's rows and heads, the guidance's halves, the state to be checked and kept. */
export const EXCHANGE_OPS = ["attention", "guidance", "state"] as const;
export type ExchangeOp = (typeof EXCHANGE_OPS)[number];

export interface ExchangeObserver {
  /** A message came, or was taken. */
  exchanged(direction: "sent" | "received", bytes: number): void;
  /** So long was an exchange of this kind under way in a step, which also is waiting for ranks that compute longer. */
  stepExchanged(op: ExchangeOp, seconds: number): void;
}

/** Measures what a worker exchanges with the ranks of its groups. It changes nothing, and copies nothing. */
export class ExchangeMeter {
  readonly #observer: ExchangeObserver;
  readonly #busy: Readonly<Record<ExchangeOp, BusyTime>>;

  /** @param now monotonic milliseconds */
  constructor(now: () => number, observer: ExchangeObserver) {
    this.#observer = observer;
    this.#busy = {
      attention: new BusyTime(now),
      guidance: new BusyTime(now),
      state: new BusyTime(now),
    };
  }

  /** The same group, which is listened to. */
  group(group: JoinedGroup): JoinedGroup {
    const { rank, size, ended } = group;
    return {
      rank,
      size,
      ended,
      send: async (to, tag, blocks, signal) => {
        await this.#timed(tag, group.send(to, tag, blocks, signal));
        this.#observer.exchanged("sent", blockBytes(blocks));
      },
      recv: async (from, tag, into, signal) => {
        await this.#timed(tag, group.recv(from, tag, into, signal));
        this.#observer.exchanged("received", blockBytes(into));
      },
      close: async (reason) => {
        await group.close(reason);
        if (reason === undefined) this.stepDone();
        else this.#forget();
      },
    };
  }

  /** The transformer is done with a step. What is exchanged after it within the step is told with the next one. */
  stepDone(): void {
    for (const op of EXCHANGE_OPS) {
      const seconds = this.#busy[op].take();
      if (seconds > 0) this.#observer.stepExchanged(op, seconds);
    }
  }

  /** Of a group that failed: its ranks waited for one that was lost. */
  #forget(): void {
    for (const op of EXCHANGE_OPS) this.#busy[op].take();
  }

  #timed<T>(tag: string, work: Promise<T>): Promise<T> {
    const op = opOf(tag);
    return op === undefined ? work : this.#busy[op].during(work);
  }
}

/** What a message is for, by its tag; undefined for what is exchanged outside of steps: prompts, and the VAE's chunks. */
export function opOf(tag: string): ExchangeOp | undefined {
  const [, name = ""] = /^(?:half\d\.)?([a-z-]+)/.exec(tag) ?? [];
  switch (name) {
    case "layer":
      return "attention";
    case "guidance":
      return "guidance";
    case "latents":
    case "previous-x":
    case "finite":
      return "state";
    default:
      return undefined;
  }
}
