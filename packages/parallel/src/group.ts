import { ClusterError } from "@cogfleet/core";
import type { Block } from "./block.js";

/**
 * One rank's place among the P ranks that compute a job together, and the messages between them.
 *
 * A message is named by (from, to, tag): the sender *offers* it, the receiver pulls it, in whichever order they come to
 * it. A tag names one message at a time between two ranks; it may be used again once the first was taken. Messages
 * under different tags may arrive in any order. Both ranks know how long a message is: another length is
 * `tensor_mismatch` on both.
 *
 * Memory: the group copies nothing ahead of need. What is offered stays in the caller's buffers, and what arrives is
 * written where the caller wants it. What a group may have on offer is limited in bytes: past the limit, `send` fails
 * with `resource_exhausted`, since waiting could be for ever.
 *
 * A rank that dies, leaves in error, or cannot be heard for seconds ends the group: every call that runs, and every later one,
 * fails with `peer_lost` on every rank. A rank that leaves having finished fails only the calls that need it.
 * When a call fails for another reason, or is aborted, the caller must leave: the others cannot go on without it.
 */
export interface Group {
  /** 0..size-1. */
  readonly rank: number;
  /** P. */
  readonly size: number;
  /**
   * Offers the bytes of `blocks` to another rank. The blocks are lent until the promise settles: they must not change
   * before. Resolves when the message was taken, not merely offered: so await it beside the receives that the peer's
   * own progress depends on, never before them. Aborting withdraws the offer.
   */
  send(to: number, tag: string, blocks: readonly Block[], signal: AbortSignal): Promise<void>;
  /**
   * Pulls a message from another rank into `into`, which is lent until the promise settles. After a failure it holds
   * anything. Aborting may lose the message.
   */
  recv(from: number, tag: string, into: readonly Block[], signal: AbortSignal): Promise<void>;
}

/**
 * Some ranks of a group as a group of their own: rank i of it is `ranks[i]`. Its tags are prefixed, so that it and the
 * whole group may use the same ones. The rank that calls must be among `ranks`.
 */
export function subgroup(group: Group, ranks: readonly number[], prefix: string): Group {
  const rank = ranks.indexOf(group.rank);
  const isWithin = ranks.every((r) => Number.isInteger(r) && r >= 0 && r < group.size);
  if (rank < 0 || !isWithin || new Set(ranks).size !== ranks.length) {
    throw new ClusterError(
      "internal",
      `subgroup [${ranks.join(", ")}] must be different ranks of 0..${group.size - 1}, ${group.rank} among them`,
    );
  }
  const member = (peer: number): number => {
    checkPeer({ rank, size: ranks.length }, peer);
    return ranks[peer] as number;
  };
  return {
    rank,
    size: ranks.length,
    send: async (to, tag, blocks, signal) => group.send(member(to), `${prefix}.${tag}`, blocks, signal),
    recv: async (from, tag, into, signal) => group.recv(member(from), `${prefix}.${tag}`, into, signal),
  };
}

/** Refuses a peer that is not another rank of the group. */
export function checkPeer(group: Pick<Group, "rank" | "size">, peer: number): void {
  if (!Number.isInteger(peer) || peer < 0 || peer >= group.size || peer === group.rank) {
    throw new ClusterError(
      "internal",
      `rank ${group.rank} of ${group.size} cannot exchange with rank ${peer}: not another rank of its group`,
    );
  }
}
