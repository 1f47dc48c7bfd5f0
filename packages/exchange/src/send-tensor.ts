import { crc32 } from "node:zlib";
import { type Clock, orAbort } from "@cogfleet/core";
import { rankLost, readBlocks, viewBlocks } from "@cogfleet/parallel";
import type { WireFrame } from "./frame.js";
import type { ExchangeLimits } from "./limits.js";
import { linked } from "./linked.js";
import type { TakenOffer } from "./offers.js";
import type { SharedRoom } from "./shared-memory.js";
import { Vigil } from "./vigil.js";

// Below this, opening another path costs more than it saves.
const LEAST_SHARED_BYTES = 256 * 1024;
const SHARED_RUN_BYTES = 2 * 1024 * 1024;

export interface Outlet {
  /** Resolves once the transport has taken the frame. */
  write(frame: WireFrame): Promise<void>;
  /** Aborts when the puller hangs up. */
  readonly signal: AbortSignal;
}

export interface SendDeps {
  readonly clock: Clock;
  readonly limits: ExchangeLimits;
  /** Undefined when the puller cannot read it. */
  readonly memory: { acquire(bytes: number): Promise<SharedRoom | undefined> } | undefined;
}

/**
 * Sends what a peer pulls: through shared memory where both can, else in frames. Settles the offer as soon as the
 * sender's blocks are free; resolves when the call may end.
 */
export async function sendTensor(
  deps: SendDeps,
  offer: TakenOffer,
  toRank: number,
  outlet: Outlet,
): Promise<void> {
  const stop = linked(outlet.signal, offer.withdrawn);
  const vigil = new Vigil(deps.clock, deps.limits.transferIdleMs);
  vigil.untilSilent(stop.signal).then(
    () => stop.abort(rankLost(toRank, `took nothing for ${deps.limits.transferIdleMs} ms`)),
    () => {}, // the transfer ended first
  );
  const room =
    offer.bytes < LEAST_SHARED_BYTES
      ? undefined
      : await deps.memory?.acquire(offer.bytes).catch(() => undefined);
  try {
    const write = (frame: WireFrame): Promise<void> => orAbort(outlet.write(frame), stop.signal);
    const shared = room === undefined ? 0 : await sendShared(offer, room, write, vigil);
    await sendFrames(offer, shared, deps.limits.frameBytes, write, vigil);
    offer.done();
    if (shared > 0) await hungUp(stop.signal);
  } catch (reason) {
    // A puller that hangs up in the middle will not come again.
    offer.done(
      outlet.signal.aborted
        ? rankLost(toRank, "stopped pulling in the middle")
        : rankLost(toRank, "could not be sent to", reason),
    );
    throw reason;
  } finally {
    room?.release();
    stop.abort(new Error("the transfer is over"));
    stop.unlink();
  }
}

/** Frames from `start` on: packed when the transport asks for them, two of them under way. */
async function sendFrames(
  offer: TakenOffer,
  start: number,
  frameBytes: number,
  write: (frame: WireFrame) => Promise<void>,
  vigil: Vigil,
): Promise<void> {
  let previous: Promise<void> = Promise.resolve();
  for (let offset = start; offset < offer.bytes; offset += frameBytes) {
    const bytes = Math.min(frameBytes, offer.bytes - offset);
    const next = write({ offer, offset, bytes, onSend: () => vigil.heard() });
    next.catch(() => {}); // awaited one round later
    await previous;
    previous = next;
  }
  await previous;
}

/** Copies to shared memory and says what lies where. Returns how far it came: memory can be short. */
async function sendShared(
  offer: TakenOffer,
  room: SharedRoom,
  write: (frame: WireFrame) => Promise<void>,
  vigil: Vigil,
): Promise<number> {
  const scratch: Uint8Array[] = [];
  let sent = 0;
  const put = async (data: Uint8Array, offset: number, before: Promise<void>): Promise<void> => {
    const crc = crc32(data);
    await room.write(data, offset);
    await before; // in order
    vigil.heard();
    const place = { sharedPath: room.path, sharedBytes: data.length };
    await write({ crc32: crc, offset, totalBytes: offer.bytes, ...place });
    sent = offset + data.length;
  };
  let previous: Promise<void> = Promise.resolve();
  let next = previous;
  try {
    for (let offset = 0, run = 0; offset < offer.bytes; offset += SHARED_RUN_BYTES, run++) {
      offer.withdrawn.throwIfAborted();
      const bytes = Math.min(SHARED_RUN_BYTES, offer.bytes - offset);
      let data = viewBlocks(offer.blocks, offset, bytes);
      if (data === undefined) {
        // Two in turn: one is packed while the other is written.
        scratch[run % 2] ??= new Uint8Array(SHARED_RUN_BYTES);
        data = (scratch[run % 2] as Uint8Array).subarray(0, bytes);
        readBlocks(offer.blocks, offset, data);
      }
      next = put(data, offset, previous);
      next.catch(() => {}); // awaited one round later
      await previous;
      previous = next;
    }
    await next;
  } catch (reason) {
    await Promise.allSettled([previous, next]); // until then they use the blocks and the room
    if (!isNoSpace(reason)) throw reason;
  }
  return sent;
}

/** /dev/shm of a container is often 64 MB: what does not fit goes through the socket. */
function isNoSpace(reason: unknown): boolean {
  return reason instanceof Error && "code" in reason && reason.code === "ENOSPC";
}

function hungUp(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
