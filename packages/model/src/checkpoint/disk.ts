// Files of a checkpoint, read with errors that a user can act on.
import type { Stats } from "node:fs";
import { type FileHandle, open, realpath, stat } from "node:fs/promises";
import { ClusterError } from "@cogfleet/core";
import { shown } from "./shown.js";

/** A regular file that is open for reading. `path` is absolute, symbolic links resolved. */
export interface OpenFile {
  readonly handle: FileHandle;
  readonly path: string;
  readonly bytes: number;
}

/**
 * Opens `file` for the time of `use`. `invalid_checkpoint` when it is missing, unreadable or no regular file (a pipe
 * would block for ever).
 */
export async function withFile<T>(file: string, use: (file: OpenFile) => Promise<T>): Promise<T> {
  const stats = await statOf(file);
  if (stats === undefined) throw new ClusterError("invalid_checkpoint", `${file} is missing`);
  if (!stats.isFile()) throw new ClusterError("invalid_checkpoint", `${file} is not a regular file`);
  const path = await readable(file, () => realpath(file));
  const handle = await readable(file, () => open(path, "r"));
  try {
    return await use({ handle, path, bytes: (await handle.stat()).size });
  } finally {
    await handle.close();
  }
}

/** Reads `into.length` bytes at `position`; `invalid_checkpoint` if the file ends before that. */
export async function readExactly(file: OpenFile, into: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const length = Math.min(into.length - done, MAX_READ);
    const { bytesRead } = await readable(file.path, () =>
      file.handle.read(into, done, length, position + done),
    );
    if (bytesRead === 0)
      throw new ClusterError(
        "invalid_checkpoint",
        `${file.path} ends at byte ${position + done}, expected ${into.length - done} bytes more`,
      );
    done += bytesRead;
  }
}

const MAX_READ = 2 ** 30; // one read call takes a 32-bit length

/** The whole of a small file. `invalid_checkpoint` when it is larger than `maxBytes`. */
export function readSmallFile(file: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  return withFile(file, async (opened) => {
    if (opened.bytes > maxBytes)
      throw new ClusterError(
        "invalid_checkpoint",
        `${file} has ${opened.bytes} bytes, expected at most ${maxBytes}`,
      );
    const bytes = new Uint8Array(opened.bytes);
    await readExactly(opened, bytes, 0);
    return bytes;
  });
}

/** A JSON file that holds an object. */
export async function readJsonObject(file: string): Promise<Readonly<Record<string, unknown>>> {
  return parseJsonObject(file, await readSmallFile(file, MAX_JSON_BYTES));
}

const MAX_JSON_BYTES = 4 * 2 ** 20; // a transformer's index has 100 kB; parsed, JSON can take 50 times its size

/** UTF-8 JSON that holds an object; `source` names it in the error. */
export function parseJsonObject(source: string, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    const why = cause instanceof SyntaxError ? "is not JSON" : "is not UTF-8 text";
    throw new ClusterError("invalid_checkpoint", `${source} ${why}`, { cause });
  }
  if (!isObject(value))
    throw new ClusterError("invalid_checkpoint", `${source} must hold a JSON object, got ${shown(value)}`);
  return value;
}

/** Whether a parsed JSON value is an object, not an array or null. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What lies at `path`, links followed; undefined if nothing does. */
export async function statOf(path: string): Promise<Stats | undefined> {
  return readable(path, async () => {
    try {
      return await stat(path);
    } catch (reason) {
      if (errnoOf(reason) === "ENOENT" || errnoOf(reason) === "ENOTDIR") return undefined;
      throw reason;
    }
  });
}

/** Runs a call of node:fs and says what it failed on. */
export async function readable<T>(path: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (cause instanceof ClusterError) throw cause;
    throw new ClusterError(
      "invalid_checkpoint",
      `${path} cannot be read (${errnoOf(cause) ?? "unknown error"})`,
      {
        cause,
      },
    );
  }
}

function errnoOf(reason: unknown): string | undefined {
  return reason instanceof Error && "code" in reason && typeof reason.code === "string"
    ? reason.code
    : undefined;
}
