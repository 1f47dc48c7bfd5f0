import { orAbort } from "@cogfleet/core";
import type { Block } from "./block.js";
import type { Group } from "./group.js";

interface Lane {
  isBusy: boolean;
  readonly waiting: Waiting[];
}

interface Waiting {
  readonly order: number;
  start: () => void;
}

/**
 * The messages of a rank to each other rank, one at a time, the most urgent first. Without this all that is on offer
 * shares the wire evenly, and what is needed first arrives last. A peer that has asked for the next message already gets
 * it as soon as this one has left.
 *
 * The receivers must ask for every message sooner or later without waiting for a later one: a message that is offered
 * keeps its place in the lane until it is taken.
 */
export class SendLanes {
  readonly #group: Group;
  readonly #lanes: readonly Lane[];

  constructor(group: Group) {
    this.#group = group;
    this.#lanes = Array.from({ length: group.size }, () => ({ isBusy: false, waiting: [] }));
  }

  /**
   * As `send` of the group; of the messages that wait for the same peer, the one with the least `order` goes first. The
   * blocks are made when its turn has come.
   */
  async send(
    to: number,
    order: number,
    tag: string,
    blocks: () => readonly Block[],
    signal: AbortSignal,
  ): Promise<void> {
    const lane = this.#lanes[to] as Lane;
    if (lane.isBusy) await turn(lane, order, signal);
    lane.isBusy = true;
    try {
      await this.#group.send(to, tag, blocks(), signal);
    } finally {
      passOn(lane);
    }
  }
}

async function turn(lane: Lane, order: number, signal: AbortSignal): Promise<void> {
  const place: Waiting = { order, start: () => {} };
  const started = new Promise<void>((resolve) => {
    place.start = resolve;
  });
  lane.waiting.push(place);
  try {
    await orAbort(started, signal);
  } catch (reason) {
    const at = lane.waiting.indexOf(place);
    if (at >= 0) lane.waiting.splice(at, 1);
    else passOn(lane); // its turn came in the same moment
    throw reason;
  }
}

/** To the most urgent of those that wait. */
function passOn(lane: Lane): void {
  const { waiting } = lane;
  let least = 0;
  for (const [i, { order }] of waiting.entries()) if (order < (waiting[least] as Waiting).order) least = i;
  const [next] = waiting.splice(least, 1);
  if (next === undefined) lane.isBusy = false;
  else next.start(); // the lane stays busy
}
