import { crc32 } from "node:zlib";
import { type Clock, orAbort } from "@cogfleet/core";
import { rankLost, readBlocks } from "@cogfleet/parallel";
import type { WireFrame } from "./frame.js";
import type { ExchangeLimits } from "./limits.js";
import { linked } from "./linked.js";
import type { TakenOffer } from "./offers.js";
import { SHARED_PIECE_BYTES, type SharedRoom } from "./shared-memory.js";
import { Vigil } from "./vigil.js";

// Below this, opening another path costs more than it saves.
const LEAST_SHARED_BYTES = 256 * 1024;
/** What one message announces. */
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

/** Copies to shared memory and says what lies where, two runs under way. Returns how far it came: memory can be short. */
async function sendShared(
  offer: TakenOffer,
  room: SharedRoom,
  write: (frame: WireFrame) => Promise<void>,
  vigil: Vigil,
): Promise<number> {
  const scratch = new Uint8Array(Math.min(SHARED_PIECE_BYTES, offer.bytes));
  let previous: Promise<void> = Promise.resolve();
  let sent = 0;
  while (sent < offer.bytes) {
    offer.withdrawn.throwIfAborted();
    const bytes = Math.min(SHARED_RUN_BYTES, offer.bytes - sent);
    const crc = copyRun(offer, room, sent, bytes, scratch);
    if (crc === undefined) break;
    vigil.heard();
    const place = { sharedPath: room.path, sharedBytes: bytes };
    const next = write({ crc32: crc, offset: sent, totalBytes: offer.bytes, ...place });
    next.catch(() => {}); // awaited one round later
    await previous;
    previous = next;
    sent += bytes;
  }
  await previous;
  return sent;
}

/** Copies a run piece by piece; its checksum, or undefined when memory is short. */
function copyRun(
  offer: TakenOffer,
  room: SharedRoom,
  start: number,
  bytes: number,
  scratch: Uint8Array,
): number | undefined {
  let crc = 0;
  for (let done = 0; done < bytes; done += scratch.length) {
    const piece = scratch.subarray(0, Math.min(scratch.length, bytes - done));
    readBlocks(offer.blocks, start + done, piece);
    crc = crc32(piece, crc);
    try {
      room.write(piece, start + done);
    } catch (reason) {
      if (isNoSpace(reason)) return undefined;
      throw reason;
    }
  }
  return crc;
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
