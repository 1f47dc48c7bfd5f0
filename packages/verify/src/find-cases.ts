import { readdir, realpath, stat } from "node:fs/promises";
import { basename, join, relative, resolve, sep } from "node:path";
import { ClusterError } from "@cogfleet/core";

export interface FoundCase {
  /** Relative to the folder searched, with forward slashes; the folder's own name if it is a case itself. */
  readonly name: string;
  readonly folder: string;
}

/**
 * Every folder under `root` that holds a case.json, links followed, ordered by name. `invalid_request` when `root` is
 * no folder or holds no case.
 */
export async function findCases(root: string, signal: AbortSignal): Promise<readonly FoundCase[]> {
  const top = resolve(root);
  if (!(await isFolder(top))) throw new ClusterError("invalid_request", `${root} is not a folder`);
  const folders: string[] = [];
  const seen = new Set<string>();
  const visit = async (folder: string): Promise<void> => {
    signal.throwIfAborted();
    const real = await realpath(folder);
    if (seen.has(real)) return; // a link back up
    seen.add(real);
    const entries = (await readdir(folder)).sort();
    if (entries.includes("case.json")) folders.push(folder);
    for (const entry of entries) if (await isFolder(join(folder, entry))) await visit(join(folder, entry));
  };
  await visit(top);
  if (folders.length === 0)
    throw new ClusterError(
      "invalid_request",
      `${root} holds no golden cases: no folder under it has a case.json`,
    );
  return folders.map((folder) => ({
    name: relative(top, folder).split(sep).join("/") || basename(top),
    folder,
  }));
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}
