import { crc32 } from "node:zlib";
import { readBlocks } from "@cogfleet/parallel";
import type { TensorFrame } from "@cogfleet/proto/gen/cogfleet/v1/TensorFrame";
import type { TakenOffer } from "./offers.js";

/** Most bytes of a tensor in one message. */
export const MOST_FRAME_BYTES = 8 * 1024 * 1024;

// Field number << 3 | wire type, as in exchange.proto.
const DATA_FIELD = (1 << 3) | 2;
const CRC_FIELD = (2 << 3) | 5;
const OFFSET_FIELD = (3 << 3) | 0;
const TOTAL_FIELD = (4 << 3) | 0;
const MOST_HEADER_BYTES = 40;

/** A frame to be made when the transport is ready for it: nothing is packed before. */
export interface PendingFrame {
  readonly offer: TakenOffer;
  readonly offset: number;
  readonly bytes: number;
  /** Told when the transport asks for it. */
  onSend(): void;
}

/** What the service writes: a frame to be packed, or one that is ready. */
export type WireFrame = PendingFrame | TensorFrame;

/**
 * Encodes frames as the wire wants them, straight from the sender's blocks: packing, checksum and protobuf in one
 * pass over a scratch buffer that stays in the cache. The result is valid until the next call: grpc-js copies it behind
 * its own header as soon as it has it (`serializeMessage` in server-interceptors.js; exchange.test.ts would see it
 * change). Frames that are ready go through `serialize`.
 */
export function frameEncoder(
  frameBytes: number,
  serialize: (frame: TensorFrame) => Buffer,
): (frame: WireFrame) => Buffer {
  const scratch = Buffer.alloc(MOST_HEADER_BYTES + frameBytes);
  return (frame) => {
    if (!("offer" in frame)) return serialize(frame);
    frame.offer.withdrawn.throwIfAborted();
    frame.onSend();
    let at = 5; // the checksum stands first, where its place is known before its value
    at = writeVarint(scratch, at, OFFSET_FIELD);
    at = writeVarint(scratch, at, frame.offset);
    at = writeVarint(scratch, at, TOTAL_FIELD);
    at = writeVarint(scratch, at, frame.offer.bytes);
    at = writeVarint(scratch, at, DATA_FIELD);
    at = writeVarint(scratch, at, frame.bytes);
    const data = scratch.subarray(at, at + frame.bytes);
    readBlocks(frame.offer.blocks, frame.offset, data);
    scratch[0] = CRC_FIELD;
    scratch.writeUInt32LE(crc32(data), 1);
    return scratch.subarray(0, at + frame.bytes);
  };
}

/** A base-128 varint of a non-negative safe integer; returns the position after it. */
function writeVarint(into: Buffer, position: number, value: number): number {
  let at = position;
  let rest = value;
  while (rest >= 128) {
    into[at++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  into[at++] = rest;
  return at;
}
