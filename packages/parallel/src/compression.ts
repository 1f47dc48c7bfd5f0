// Activations that are exchanged with fewer bits: approximate, and only when the user asks for it. The values are float32
// on both sides; a row is a run of a block, the heads of one cell of one token.
import { ClusterError } from "@cogfleet/core";
import { type Block, blockBytes, unwritten, whole } from "./block.js";

/**
 * bf16: each value rounded to 8 significant bits, half of the bytes. int8: each row as integers up to 127 times a float32 of
 * its own, a quarter of the bytes and 4 for each row.
 */
export const COMPRESSIONS = ["bf16", "int8"] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** Why a 16-bit precision cannot have it. */
export function compressionNeedsFloat32(compression: Compression): string {
  return `activations=${compression} compresses float32 activations: precision fp16 exchanges 16 bits already; leave it out`;
}

/** Where a message of compressed values arrives, and what puts it in its place. */
export interface CompressedRoom {
  readonly blocks: readonly Block[];
  /** Once it has arrived. */
  place(): void;
}

/** The values of float32 blocks, compressed into one new block. NaN stays NaN, and infinity does not become a number. */
export function compress(compression: Compression, blocks: readonly Block[]): Block {
  const packed = unwritten(compressedBytes(compression, blocks));
  if (compression === "bf16") writeBf16(blocks, new Uint16Array(packed.buffer));
  else writeInt8(blocks, packed);
  return whole(packed);
}

/** Room for the message that `compress` makes of blocks of the same rows and sizes as `into`. */
export function roomToExpand(compression: Compression, into: readonly Block[]): CompressedRoom {
  const packed = unwritten(compressedBytes(compression, into));
  return {
    blocks: [whole(packed)],
    place: () => {
      if (compression === "bf16") readBf16(new Uint16Array(packed.buffer), into);
      else readInt8(packed, into);
    },
  };
}

/** Bytes that `elements` values in rows of `rowElements` take on the wire. */
export function bytesOnWire(compression: Compression, elements: number, rowElements: number): number {
  return compression === "bf16" ? 2 * elements : elements + (4 * elements) / rowElements;
}

function compressedBytes(compression: Compression, blocks: readonly Block[]): number {
  if (blocks.some(({ start, runBytes, strideBytes }) => (start | runBytes | strideBytes) % 4 !== 0))
    throw new ClusterError("internal", "only float32 values are compressed");
  const elements = blockBytes(blocks) / 4;
  return compression === "bf16" ? 2 * elements : elements + 4 * rowsOf(blocks);
}

function rowsOf(blocks: readonly Block[]): number {
  return blocks.reduce((sum, { runs }) => sum + runs, 0);
}

const EXPONENT = 0x7f800000;
const QUIET_NAN = 0x7fc0;

function writeBf16(blocks: readonly Block[], packed: Uint16Array): void {
  let to = 0;
  eachRow(Uint32Array, blocks, (words, first, count) => {
    for (let i = first; i < first + count; i++) {
      const bits = words[i] as number;
      const isNumber = (bits & 0x7fffffff) <= EXPONENT;
      packed[to++] = !isNumber ? QUIET_NAN : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16; // to the nearest, ties to even
    }
  });
}

function readBf16(packed: Uint16Array, blocks: readonly Block[]): void {
  let from = 0;
  eachRow(Uint32Array, blocks, (words, first, count) => {
    for (let i = first; i < first + count; i++) words[i] = (packed[from++] as number) << 16;
  });
}

/** All scales first, then the integers of all rows. */
function writeInt8(blocks: readonly Block[], packed: Uint8Array<ArrayBuffer>): void {
  const scales = new DataView(packed.buffer);
  const integers = new Int8Array(packed.buffer, 4 * rowsOf(blocks));
  let row = 0;
  let to = 0;
  eachRow(Float32Array, blocks, (values, first, count) => {
    let largest = 0;
    let broken = 0; // NaN once a value is not finite
    for (let i = first; i < first + count; i++) {
      const value = values[i] as number;
      largest = Math.max(largest, Math.abs(value));
      broken += value - value;
    }
    const scale = largest / 127 + broken;
    const inverse = scale > 0 ? 1 / scale : 0;
    scales.setFloat32(4 * row++, scale, true);
    for (let i = first; i < first + count; i++) integers[to++] = Math.round((values[i] as number) * inverse);
  });
}

function readInt8(packed: Uint8Array<ArrayBuffer>, blocks: readonly Block[]): void {
  const scales = new DataView(packed.buffer);
  const integers = new Int8Array(packed.buffer, 4 * rowsOf(blocks));
  let row = 0;
  let from = 0;
  eachRow(Float32Array, blocks, (values, first, count) => {
    const scale = scales.getFloat32(4 * row++, true);
    for (let i = first; i < first + count; i++) values[i] = (integers[from++] as number) * scale;
  });
}

/** Visits the rows of blocks: the numbers behind a block's bytes, the row's first one among them, and how many. */
function eachRow<Words>(
  view: new (buffer: ArrayBufferLike, byteOffset: number, length: number) => Words,
  blocks: readonly Block[],
  visit: (words: Words, first: number, count: number) => void,
): void {
  for (const { data, start, runs, runBytes, strideBytes } of blocks) {
    const words = new view(data.buffer, data.byteOffset, data.byteLength >> 2);
    for (let run = 0; run < runs; run++) visit(words, (start + run * strideBytes) / 4, runBytes / 4);
  }
}
