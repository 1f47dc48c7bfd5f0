import type { Logger, Random } from "@cogfleet/core";
import { DirectoryBlobStore } from "./directory-blob-store.js";
import { openEmbeddedStores } from "./embedded/open-embedded-stores.js";
import type { Stores } from "./stores.js";

/**
 * Everything in one folder, which this process then holds alone. Throws `invalid_config` when another coordinator uses
 * it or it cannot be written, `unsupported` when a later release wrote it.
 */
export async function openLocalStores(
  data: string,
  deps: { readonly random: Random; readonly log: Logger; readonly onDamage: () => void },
): Promise<Stores> {
  // Jobs first: they hold the lock, and opening the blobs sweeps what another coordinator might be writing.
  const { jobs, models, close } = await openEmbeddedStores(data, deps);
  try {
    return { jobs, models, blobs: await DirectoryBlobStore.open(data, deps.random), close };
  } catch (reason) {
    await close();
    throw reason;
  }
}
