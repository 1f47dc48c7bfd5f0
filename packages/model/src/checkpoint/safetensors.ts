// The header of a .safetensors file: 8 bytes little-endian length N, N bytes of JSON, then the tensors' bytes.
// https://huggingface.co/docs/safetensors#format
import { ClusterError } from "@cogfleet/core";
import { isObject, type OpenFile, parseJsonObject, readExactly, withFile } from "./disk.js";
import { shown } from "./shown.js";

/** Bytes of one element, by the name of its type in the header. */
export const DTYPE_BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
} as const;

export type Dtype = keyof typeof DTYPE_BYTES;

/** Where a tensor lies in its file; `offset` counts from the start of the file. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly bytes: number;
}

export interface SafetensorsHeader {
  /** Absolute path, symbolic links resolved. */
  readonly file: string;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

// The reference implementation allows 100 MB: JSON of that size can take gigabytes once it is parsed, some 50 bytes for
// each of its own. Headers of real checkpoints have about 100 bytes a tensor, 130 kB for CogVideoX-5B.
const MAX_HEADER_BYTES = 8 * 2 ** 20;
const MAX_RANK = 16;

/**
 * Reads and checks the header alone: what follows it is never read. Every byte of the file then belongs to exactly one
 * tensor. `invalid_checkpoint` names the file, the tensor and what was expected.
 */
export function readSafetensorsHeader(file: string, signal: AbortSignal): Promise<SafetensorsHeader> {
  signal.throwIfAborted();
  return withFile(file, readHeaderOf);
}

/** The same for a file that is open already. */
export async function readHeaderOf(file: OpenFile): Promise<SafetensorsHeader> {
  const wrong = (problem: string): ClusterError =>
    new ClusterError("invalid_checkpoint", `${file.path}: ${problem}`);
  if (file.bytes < 8) throw wrong(`has ${file.bytes} bytes, expected at least 8: it is no safetensors file`);
  const prefix = new Uint8Array(8);
  await readExactly(file, prefix, 0);
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  if (length > BigInt(file.bytes - 8))
    throw wrong(
      `its header says ${length} bytes, but only ${file.bytes - 8} follow: cut off, or not safetensors`,
    );
  if (length > BigInt(MAX_HEADER_BYTES))
    throw wrong(`its header says ${length} bytes, expected at most ${MAX_HEADER_BYTES}`);
  const bytes = new Uint8Array(Number(length));
  await readExactly(file, bytes, 8);

  const json = parseJsonObject(`${file.path}: its header`, bytes);
  const twice = repeatedKey(bytes);
  if (twice !== undefined) throw wrong(`its header names ${shown(twice)} twice`);
  const dataStart = 8 + bytes.length;
  const tensors = new Map<string, TensorEntry>();
  const { __metadata__: metadata, ...entries } = json;
  for (const [name, value] of Object.entries(entries)) {
    tensors.set(name, parseEntry(name, value, dataStart, file.bytes, wrong));
  }
  requireCovered([...tensors.values()], dataStart, file.bytes, wrong);
  return { file: file.path, tensors, metadata: parseMetadata(metadata, wrong) };
}

type Wrong = (problem: string) => ClusterError;

function parseEntry(
  name: string,
  value: unknown,
  dataStart: number,
  fileBytes: number,
  wrong: Wrong,
): TensorEntry {
  const bad = (problem: string): ClusterError => wrong(`tensor ${shown(name)} ${problem}`);
  if (!isObject(value))
    throw bad(`must be an object with dtype, shape and data_offsets, got ${shown(value)}`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype))
    throw bad(`has dtype ${shown(dtype)}, expected one of ${Object.keys(DTYPE_BYTES).join(", ")}`);
  if (!isSizes(shape) || shape.length > MAX_RANK)
    throw bad(`has shape ${shown(shape)}, expected at most ${MAX_RANK} integers from 0`);
  if (!isSizes(offsets) || offsets.length !== 2)
    throw bad(`has data_offsets ${shown(offsets)}, expected two integers from 0`);
  const [begin, end] = offsets as [number, number];
  if (begin > end || dataStart + end > fileBytes)
    throw bad(
      `has data_offsets [${begin}, ${end}], expected a range within the ${fileBytes - dataStart} bytes of data that the file has`,
    );
  const bytes = shape.reduce((product, dim) => product * dim, DTYPE_BYTES[dtype]);
  if (bytes !== end - begin)
    throw bad(
      `of ${dtype} [${shape.join(", ")}] takes ${bytes} bytes, but its data_offsets span ${end - begin}`,
    );
  return { name, dtype, shape, offset: dataStart + begin, bytes };
}

// Without overlaps and holes nothing can hide in a file, and no two tensors share bytes.
function requireCovered(tensors: TensorEntry[], dataStart: number, fileBytes: number, wrong: Wrong): void {
  tensors.sort((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  let at = dataStart;
  for (const { name, offset, bytes } of tensors) {
    if (offset < at) throw wrong(`tensor ${shown(name)} overlaps the one before it by ${at - offset} bytes`);
    if (offset > at) throw wrong(`${offset - at} bytes before tensor ${shown(name)} belong to no tensor`);
    at = offset + bytes;
  }
  if (at !== fileBytes) throw wrong(`the last ${fileBytes - at} bytes belong to no tensor`);
}

function parseMetadata(value: unknown, wrong: Wrong): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  if (!isObject(value) || !Object.values(value).every((text) => typeof text === "string"))
    throw wrong("__metadata__ must hold strings only");
  return value as Record<string, string>;
}

/** The first key that an object of the (valid) JSON text repeats: JSON.parse would silently keep the last. */
function repeatedKey(json: Uint8Array): string | undefined {
  const text = new TextDecoder().decode(json);
  const objects: Set<string>[] = []; // the keys seen in each object that is open
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "{") objects.push(new Set());
    else if (text[i] === "}") objects.pop();
    else if (text[i] === '"') {
      const start = i;
      for (i++; text[i] !== '"'; i++) if (text[i] === "\\") i++;
      let next = i + 1;
      while (next < text.length && " \t\r\n".includes(text[next] as string)) next++;
      if (text[next] !== ":") continue; // a value, not a key
      const name = String(JSON.parse(text.slice(start, i + 1))); // "a" and "\u0061" are the same key
      const seen = objects.at(-1);
      if (seen?.has(name)) return name;
      seen?.add(name);
    }
  }
  return undefined;
}

function isDtype(value: unknown): value is Dtype {
  return typeof value === "string" && Object.hasOwn(DTYPE_BYTES, value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
