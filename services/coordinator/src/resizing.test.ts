import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { growPays, shrinkPays } from "./resizing.js";

const seconds = fc.double({ min: 0, max: 1e5, noNaN: true });

describe("growPays", () => {
  it("takes more workers for a long job, not for one that is nearly done or gains little", () => {
    assert.ok(growPays({ left: 100, leftAfter: 50 }));
    assert.ok(!growPays({ left: 8, leftAfter: 4 }));
    assert.ok(!growPays({ left: 100, leftAfter: 90 }));
  });

  it("never says so when the job would not end sooner, and never takes it back for fewer seconds", () => {
    fc.assert(
      fc.property(seconds, seconds, seconds, (left, leftAfter, less) => {
        if (leftAfter >= left) assert.ok(!growPays({ left, leftAfter }));
        if (growPays({ left, leftAfter }))
          assert.ok(growPays({ left, leftAfter: Math.max(0, leftAfter - less) }));
      }),
    );
  });
});

describe("shrinkPays", () => {
  it("lets a short job pass a long one, and makes two alike wait for each other", () => {
    const long = { elapsed: 10, left: 1000, leftAfter: 2000 };
    assert.ok(shrinkPays(long, { waited: 1, onAll: 20, onSome: 40 }));
    assert.ok(!shrinkPays({ elapsed: 0, left: 100, leftAfter: 200 }, { waited: 0, onAll: 100, onSome: 200 }));
    assert.ok(!shrinkPays({ elapsed: 100, left: 3, leftAfter: 6 }, { waited: 0, onAll: 1, onSome: 2 }));
  });

  it("does not make a job smaller that would be made larger again for the same reason", () => {
    // With nobody waiting any more the job has to gain from growing; while somebody waits it is not asked at all.
    fc.assert(
      fc.property(seconds, seconds, (left, onAll) => {
        const running = { elapsed: 0, left, leftAfter: 2 * left };
        const waiting = { waited: 0, onAll, onSome: 2 * onAll };
        if (shrinkPays(running, waiting)) assert.ok(onAll < left, "only a shorter one passes");
      }),
    );
  });
});
