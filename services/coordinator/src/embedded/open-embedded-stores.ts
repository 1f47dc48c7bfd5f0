import { join } from "node:path";
import type { JobStore } from "../job-store.js";
import type { ModelStore } from "../model-store.js";
import { takeCensus } from "./census.js";
import { Damage } from "./damage.js";
import { Database, type DatabaseDeps } from "./database.js";
import { EmbeddedJobStore } from "./embedded-job-store.js";
import { EmbeddedModelStore } from "./embedded-model-store.js";
import { GroupCommit } from "./group-commit.js";

export interface EmbeddedStores {
  readonly jobs: JobStore;
  readonly models: ModelStore;
  /** Waits for what is being written. Nothing may be called afterwards. */
  close(): Promise<void>;
}

/**
 * Opens the stores in DATA/jobs, which this process then holds alone; makes them if they are not there.
 * Throws `invalid_config` when another process holds them or the folder cannot be written, `unsupported` for a layout
 * that this release does not know.
 */
export async function openEmbeddedStores(data: string, deps: DatabaseDeps): Promise<EmbeddedStores> {
  const database = await Database.open(join(data, "jobs"), deps);
  const commits = new GroupCommit(database);
  const damage = new Damage(commits, deps);
  try {
    await takeCensus(database, commits, damage, deps);
  } catch (reason) {
    await database.close();
    throw reason;
  }
  const shared = { database, commits, damage };
  return {
    jobs: new EmbeddedJobStore(shared),
    models: new EmbeddedModelStore(shared),
    close: async () => {
      await commits.settled();
      await database.close();
    },
  };
}
