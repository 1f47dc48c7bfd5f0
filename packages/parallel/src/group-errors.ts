import { ClusterError } from "@cogfleet/core";

// What goes wrong between ranks, in the same words whatever carries the messages.

/** Names a message between two ranks. */
export interface MessageName {
  readonly from: number;
  readonly to: number;
  readonly tag: string;
}

/** The two ranks disagree about the size of a message. */
export function lengthMismatch(name: MessageName, offeredBytes: number, expectedBytes: number): ClusterError {
  return new ClusterError(
    "tensor_mismatch",
    `rank ${name.from} offers ${offeredBytes} bytes as ${name.tag}, rank ${name.to} expects ${expectedBytes}`,
  );
}

/** A tag is used while an earlier message under it is still under way. */
export function tagInUse(side: "send" | "recv", name: MessageName): ClusterError {
  return new ClusterError(
    "internal",
    `${side} of ${name.tag} from rank ${name.from} to rank ${name.to} while another one under that tag waits`,
  );
}

/** A rank would have more on offer than it may. */
export function offersFull(
  tag: string,
  bytes: number,
  offeredBytes: number,
  limitBytes: number,
): ClusterError {
  return new ClusterError(
    "resource_exhausted",
    `${tag}: ${bytes} bytes beside ${offeredBytes} on offer would pass the limit of ${limitBytes}`,
  );
}

/** A rank died, or cannot be heard. Ends the whole group. */
export function rankLost(rank: number, how: string, cause?: unknown): ClusterError {
  return new ClusterError("peer_lost", `rank ${rank} was lost: ${how}`, { cause, details: { rank } });
}

/** A rank has finished and gone: only calls that need it fail. */
export function rankLeft(rank: number): ClusterError {
  return new ClusterError("peer_lost", `rank ${rank} has left the group`, { details: { rank } });
}
