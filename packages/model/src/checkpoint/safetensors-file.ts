// Whole .safetensors files in memory: golden files in, latents and frames out. Checkpoints are never read this way.
// Numbers are little-endian in the file and taken over as they are: as on every platform that Node 20 is built for
// save s390x.
import { ClusterError } from "@cogfleet/core";
import { fromBfloat16, fromFloat16 } from "../half.js";
import { readExactly, withFile } from "./disk.js";
import { DTYPE_BYTES, type Dtype, readHeaderOf } from "./safetensors.js";

/** A tensor as a file holds it, row-major. F16 and BF16 are raw bits, BOOL is 0 or 1. */
export interface StoredTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: StoredData;
}

export type StoredData = InstanceType<(typeof ARRAYS)[Dtype]>;

const ARRAYS = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U64: BigUint64Array,
  U32: Uint32Array,
  U16: Uint16Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;

/**
 * Reads the tensors of a file, all of them or those that `wanted` accepts, into arrays of their own.
 * `invalid_checkpoint` as for `readSafetensorsHeader`.
 */
export function readTensors(
  file: string,
  signal: AbortSignal,
  wanted: (name: string) => boolean = () => true,
): Promise<Map<string, StoredTensor>> {
  signal.throwIfAborted();
  return withFile(file, async (opened) => {
    const tensors = new Map<string, StoredTensor>();
    for (const { name, dtype, shape, offset, bytes } of (await readHeaderOf(opened)).tensors.values()) {
      signal.throwIfAborted();
      if (!wanted(name)) continue;
      const buffer = new ArrayBuffer(bytes);
      await readExactly(opened, new Uint8Array(buffer), offset);
      tensors.set(name, { dtype, shape, data: new ARRAYS[dtype](buffer) });
    }
    return tensors;
  });
}

/** The values of a float tensor as float32: F64 is rounded, F16 and BF16 are exact. Shares F32 data. */
export function floatsOf(tensor: StoredTensor): Float32Array {
  const { dtype, data } = tensor;
  if (data instanceof Float32Array) return data;
  if (data instanceof Float64Array) return Float32Array.from(data);
  if (data instanceof Uint16Array && dtype === "F16") return Float32Array.from(data, fromFloat16);
  if (data instanceof Uint16Array && dtype === "BF16") return Float32Array.from(data, fromBfloat16);
  throw new ClusterError("tensor_mismatch", `expected a float tensor, got ${dtype}`);
}

/**
 * A .safetensors file of these tensors. The same tensors and metadata give the same bytes, in whatever order they
 * come: the widest type first so that every tensor is aligned, then by name.
 */
export function writeSafetensors(
  tensors: Readonly<Record<string, StoredTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const entries = Object.entries(tensors).sort(
    ([a, { dtype: typeA }], [b, { dtype: typeB }]) =>
      DTYPE_BYTES[typeB] - DTYPE_BYTES[typeA] || (a < b ? -1 : 1),
  );
  const header = new Map<string, unknown>();
  const notes = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  if (notes.length > 0) header.set("__metadata__", Object.fromEntries(notes));
  let end = 0;
  for (const [name, { dtype, shape, data }] of entries) {
    const count = shape.reduce((product, dim) => product * dim, 1);
    if (data.length !== count)
      throw new ClusterError(
        "tensor_mismatch",
        `tensor ${name} [${shape.join(", ")}] takes ${count} values, got ${data.length}`,
      );
    header.set(name, { dtype, shape, data_offsets: [end, end + data.byteLength] });
    end += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const start = 8 + Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(start + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(start - 8), true);
  file.fill(0x20, 8 + json.length, start); // spaces: the data begins at a multiple of 8
  file.set(json, 8);
  let at = start;
  for (const [, { data }] of entries) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return file;
}
