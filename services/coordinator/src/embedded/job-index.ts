import type { Level, Snapshot } from "./database.js";
import { orderOf, stateRange } from "./keys.js";

/** An entry by state. */
export interface IndexEntry {
  readonly key: string;
  readonly jobId: string;
}

/** The jobs in these states, newest first, those before a place in the order, or all. */
export async function* newestFirst(
  level: Level,
  snapshot: Snapshot,
  states: Iterable<string>,
  before: number | undefined,
): AsyncGenerator<IndexEntry, void, undefined> {
  const lanes = [...new Set(states)].map((state) =>
    level.iterator({ ...stateRange(state, before), reverse: true, snapshot }),
  );
  try {
    const heads = await Promise.all(lanes.map((lane) => lane.next()));
    for (;;) {
      let newest = -1;
      for (const [i, head] of heads.entries()) {
        if (head === undefined) continue;
        const best = heads[newest];
        if (best === undefined || orderOf(head[0]) > orderOf(best[0])) newest = i;
      }
      const head = heads[newest];
      if (head === undefined) return;
      yield { key: head[0], jobId: head[1].toString() };
      heads[newest] = await lanes[newest]?.next();
    }
  } finally {
    await Promise.all(lanes.map((lane) => lane.close()));
  }
}
