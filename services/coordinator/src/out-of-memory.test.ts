import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { MemoryPlan } from "./job-life.js";
import { afterOutOfMemory, type Cramped } from "./out-of-memory.js";

const CRAMPED: Cramped = {
  ranks: 2,
  tooSmall: [],
  isTiled: false,
  isFree: true,
  mayTile: false,
  workers: 2,
};

/** Every way that is tried when none suffices. */
function ways(job: Cramped): MemoryPlan[] {
  const tried: MemoryPlan[] = [];
  for (let now = job; ; ) {
    const another = afterOutOfMemory(now);
    if (another === undefined) return tried;
    tried.push(another);
    const isSame = another.isTiled === now.isTiled;
    now = { ...now, ...another, tooSmall: isSame ? [...now.tooSmall, now.ranks] : [] };
    assert.ok(tried.length < 100, "for ever");
  }
}

describe("afterOutOfMemory", () => {
  it("tries more workers, then fewer, then tiles", () => {
    assert.deepEqual(ways({ ...CRAMPED, workers: 4, mayTile: true }), [
      { ranks: 4, isTiled: false },
      { ranks: 1, isTiled: false },
      { ranks: 1, isTiled: true },
      { ranks: 4, isTiled: true },
    ]);
  });

  it("leaves degrees that are pinned, and tiles only a job that allows it", () => {
    assert.deepEqual(ways({ ...CRAMPED, isFree: false, workers: 4 }), []);
    assert.deepEqual(ways({ ...CRAMPED, isFree: false, mayTile: true }), [{ ranks: 2, isTiled: true }]);
  });

  it("tries each way once", () => {
    const job = fc.record({
      ranks: fc.integer({ min: 1, max: 16 }),
      tooSmall: fc.constant([]),
      isTiled: fc.boolean(),
      isFree: fc.boolean(),
      mayTile: fc.boolean(),
      workers: fc.integer({ min: 0, max: 16 }),
    });
    fc.assert(
      fc.property(job, (cramped) => {
        const names = [{ ranks: cramped.ranks, isTiled: cramped.isTiled }, ...ways(cramped)].map(
          ({ ranks, isTiled }) => `${ranks} ${isTiled}`,
        );
        assert.equal(new Set(names).size, names.length);
      }),
    );
  });
});
