import { ClusterError, neverAborts } from "@cogfleet/core";
import { unsealRecord } from "../record.js";
import type { DatabaseDeps, Level, Snapshot } from "./database.js";
import type { GroupCommit, Transaction } from "./group-commit.js";
import { asideKey } from "./keys.js";

/** What stands under a key: its bytes, nothing, or something that LevelDB cannot read. */
export type Found = Buffer | undefined | "unreadable";

/** Reads many keys; one that cannot be read does not hide the others. */
export async function readMany(level: Level, keys: readonly string[], snapshot: Snapshot): Promise<Found[]> {
  try {
    return await level.getMany([...keys], { snapshot });
  } catch {
    const found: Found[] = [];
    for (const key of keys) found.push(await level.get(key, { snapshot }).catch(() => "unreadable" as const));
    return found;
  }
}

/** Takes damaged records out of the way: reported once, kept under another key for who wants to look at them. */
export class Damage {
  readonly #commits: GroupCommit;
  readonly #deps: DatabaseDeps;

  constructor(commits: GroupCommit, deps: DatabaseDeps) {
    this.#commits = commits;
    this.#deps = deps;
  }

  /** The value of a record; undefined when there is none, or it was damaged and is now set aside. */
  async unseal(key: string, found: Found): Promise<unknown> {
    const { value, why } = unsealFound(found);
    if (why !== undefined) {
      // What was read from a snapshot may be gone by now: only what still stands there is moved.
      const move = (transaction: Transaction): boolean => {
        const isThere = found === "unreadable" || transaction.get(key) !== undefined;
        if (isThere) this.#move(transaction, key, found);
        return isThere;
      };
      if (await this.#commits.run([], move, neverAborts)) this.#report(key, why);
    }
    return value;
  }

  /** The same, as part of a transaction. */
  unsealIn(transaction: Transaction, key: string): unknown {
    const found = transaction.get(key);
    const { value, why } = unsealFound(found);
    if (why !== undefined) {
      this.#move(transaction, key, found);
      this.#report(key, why);
    }
    return value;
  }

  #move(transaction: Transaction, key: string, found: Found): void {
    transaction.put(asideKey(key), found instanceof Buffer ? found : Buffer.alloc(0));
    transaction.delete(key);
  }

  #report(key: string, why: string): void {
    this.#deps.log.error({ key, why }, "damaged record set aside");
    this.#deps.onDamage();
  }
}

function unsealFound(found: Found): { readonly value?: unknown; readonly why?: string } {
  if (found === undefined) return {};
  if (found === "unreadable") return { why: "its part of the database cannot be read" };
  try {
    return { value: unsealRecord(found) };
  } catch (reason) {
    return { why: ClusterError.from(reason).message };
  }
}
