import { deserialize, serialize } from "node:v8";
import { crc32 } from "node:zlib";
import { ClusterError } from "@cogfleet/core";

// A record is: version, 1 byte | CRC-32 of the rest, 4 bytes little-endian | the value as structured clone.
const VERSION = 1;
const HEADER_BYTES = 5;

/** A value as it is stored: what structured clone can hold, so `undefined` fields and typed arrays stay what they are. */
export function sealRecord(value: unknown): Buffer {
  const body = serialize(value);
  const record = Buffer.allocUnsafe(HEADER_BYTES + body.byteLength);
  record.writeUInt8(VERSION, 0);
  record.writeUInt32LE(crc32(body), 1);
  record.set(body, HEADER_BYTES);
  return record;
}

/** The value of a record. Throws `data_loss` when it is not as it was written, or not of a version that we know. */
export function unsealRecord(record: Buffer): unknown {
  if (record.byteLength <= HEADER_BYTES)
    throw new ClusterError("data_loss", `a record of ${record.byteLength} bytes is too short`);
  const version = record.readUInt8(0);
  if (version !== VERSION)
    throw new ClusterError("data_loss", `record version is ${version}, this release reads ${VERSION}`);
  const body = record.subarray(HEADER_BYTES);
  const expected = record.readUInt32LE(1);
  const actual = crc32(body);
  if (actual !== expected) throw new ClusterError("data_loss", `checksum is ${actual}, expected ${expected}`);
  try {
    return deserialize(body);
  } catch (cause) {
    throw new ClusterError("data_loss", "the record was written by a newer Node.js", { cause });
  }
}
