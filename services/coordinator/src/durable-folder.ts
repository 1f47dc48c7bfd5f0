import { mkdir, open, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/**
 * Makes a folder and those above it where they are missing, each of them durable once this resolves. Level by level: in
 * /proc, where a missing folder cannot be made, Node 20's recursive mkdir tries for ever.
 */
export async function makeDurableFolder(path: string): Promise<void> {
  const folder = resolve(path);
  if (await isFolder(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) await makeDurableFolder(parent);
  await mkdir(folder).catch(async (reason: unknown) => {
    if (!(await isFolder(folder))) throw reason; // else somebody else has just made it
  });
  // An entry lasts once the folder that it stands in is synced.
  await syncFolder(parent);
}

/** What was created, renamed or removed in the folder is durable once this resolves. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}
