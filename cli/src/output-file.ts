import type { Stats } from "node:fs";
import { type FileHandle, open, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ClusterError, type Random } from "@cogfleet/core";

/** A file that a command will write, known to be writable when it was claimed. */
export interface OutputFile {
  /** Absolute path. */
  readonly path: string;
  /** A device or a pipe: written in place, and more than one output may go there. */
  readonly isDevice: boolean;
  /** Hands a writer to `fill`. A regular file appears only when `fill` is done, whole, or not at all. */
  write(fill: (write: (data: Uint8Array) => Promise<void>) => Promise<void>): Promise<void>;
}

/**
 * Checks, by trying, that `path` can be written: `invalid_request` naming `flag` when its folder is missing or refuses,
 * or when it is a folder itself. A device or a pipe, such as /dev/null, is written in place.
 */
export async function claimOutputFile(flag: string, path: string, random: Random): Promise<OutputFile> {
  const bad = (problem: string, cause?: unknown): ClusterError =>
    new ClusterError("invalid_request", `--${flag} ${path}: ${problem}`, { cause });
  if (path === "") throw bad("must not be empty");
  const shown = resolve(path);
  const existing = await statOf(shown, bad);
  if (existing?.isDirectory()) throw bad("is a folder, not a file");
  if (existing !== undefined && !existing.isFile())
    return { path: shown, isDevice: true, write: (fill) => writeInto(shown, fill) };
  if (path.endsWith("/")) throw bad("names a folder, not a file");

  const target = existing === undefined ? shown : await realpath(shown); // a link stays a link
  const folder = dirname(target);
  const around = await statOf(folder, bad);
  if (around === undefined) throw bad(`the folder ${folder} does not exist`);
  if (!around.isDirectory()) throw bad(`${folder} is not a folder`);
  // Beside the target, so that the rename stays on one disk; short, since a name has at most 255 bytes.
  const partial = join(folder, `.${basename(target).slice(0, 40)}.${random.id()}.part`);
  try {
    await (await open(partial, "wx")).close();
  } catch (cause) {
    throw bad(`cannot write there (${errnoOf(cause)})`, cause);
  }
  await rm(partial, { force: true });
  return {
    path: shown,
    isDevice: false,
    async write(fill) {
      try {
        await writeInto(partial, fill);
        await rename(partial, target).catch((cause: unknown) => {
          throw new ClusterError("internal", `cannot write ${shown} (${errnoOf(cause)})`, { cause });
        });
      } finally {
        await rm(partial, { force: true });
      }
    },
  };
}

async function writeInto(
  path: string,
  fill: (write: (data: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  const file = await opened(path);
  try {
    await fill(async (data) => {
      try {
        await file.writeFile(data); // writes on from where the last call stopped
      } catch (cause) {
        throw new ClusterError("internal", `cannot write ${path} (${errnoOf(cause)})`, { cause });
      }
    });
  } finally {
    await file.close();
  }
}

async function opened(path: string): Promise<FileHandle> {
  try {
    return await open(path, "w");
  } catch (cause) {
    throw new ClusterError("internal", `cannot write ${path} (${errnoOf(cause)})`, { cause });
  }
}

async function statOf(
  path: string,
  bad: (problem: string, cause: unknown) => ClusterError,
): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === "ENOENT") return undefined;
    throw bad(`cannot be looked up (${errno})`, cause);
  }
}

function errnoOf(reason: unknown): string {
  return reason instanceof Error && "code" in reason ? String(reason.code) : "unknown error";
}
