import { neverAborts } from "@cogfleet/core";
import { sealRecord, unsealRecord } from "../record.js";
import type { Damage } from "./damage.js";
import type { Database, DatabaseDeps } from "./database.js";
import type { GroupCommit, Transaction } from "./group-commit.js";
import { CENSUS_KEY, type Census, EVERY_STATE, orderOf } from "./keys.js";

/** The census as of this transaction. */
export function censusIn(transaction: Transaction): Census {
  const record = transaction.get(CENSUS_KEY);
  return record === undefined ? { lastOrder: 0, removed: 0 } : (unsealRecord(record) as Census);
}

/** Writes the census as it is after this transaction. */
export function putCensus(transaction: Transaction, census: Census): void {
  transaction.put(CENSUS_KEY, sealRecord(census));
}

/**
 * Counts the jobs and compares with how many there should be: LevelDB drops what it finds damaged in its journal or its
 * list of tables without a word. What is lost is reported, and from then on not expected any more.
 */
export async function takeCensus(
  database: Database,
  commits: GroupCommit,
  damage: Damage,
  { log, onDamage }: DatabaseDeps,
): Promise<void> {
  let entries = 0;
  let highest = 0;
  await database.use(async (level) => {
    for await (const key of level.keys(EVERY_STATE)) {
      entries += 1;
      highest = Math.max(highest, orderOf(key));
    }
  });
  const check = (transaction: Transaction): number => {
    const known = (damage.unsealIn(transaction, CENSUS_KEY) ?? { lastOrder: highest, removed: 0 }) as Census;
    const lastOrder = Math.max(known.lastOrder, highest);
    const removed = lastOrder - entries;
    putCensus(transaction, { lastOrder, removed });
    return removed - known.removed;
  };
  const lost = await commits.run([CENSUS_KEY], check, neverAborts);
  if (lost === 0) return;
  log.error({ lost, found: entries }, "jobs are missing from the database: it was damaged");
  onDamage();
}
