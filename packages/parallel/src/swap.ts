import { whole } from "./block.js";
import type { Group } from "./group.js";
import { together } from "./together.js";

/**
 * Gives a tensor to a peer and takes the peer's, of the same size: how the two halves of guidance meet, once a step.
 * `mine` is lent until the promise settles.
 */
export async function swap(
  group: Group,
  peer: number,
  mine: Uint8Array,
  tag: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const theirs = new Uint8Array(mine.length);
  await together(
    [
      (part) => group.send(peer, tag, [whole(mine)], part),
      (part) => group.recv(peer, tag, [whole(theirs)], part),
    ],
    signal,
  );
  return theirs;
}
