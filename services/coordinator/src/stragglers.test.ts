import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { goingOnWithoutPays, stragglerOf } from "./stragglers.js";

describe("stragglerOf", () => {
  it("finds the rank that takes five times as long as the others", () => {
    assert.deepEqual(stragglerOf([1, 1.2, 6, 0.9]), { rank: 2, seconds: 6, othersSeconds: 1 });
    assert.deepEqual(stragglerOf([5, 1]), { rank: 0, seconds: 5, othersSeconds: 1 });
    assert.equal(stragglerOf([1, 1.2, 4, 0.9]), undefined);
  });

  it("says nothing of one rank, or before all have told their times", () => {
    assert.equal(stragglerOf([9]), undefined);
    assert.equal(stragglerOf([9, undefined, 1]), undefined);
  });
});

describe("goingOnWithoutPays", () => {
  const slow = { rank: 0, seconds: 5, othersSeconds: 1 };

  it("goes on without it for a long job, and waits for it near the end", () => {
    assert.ok(goingOnWithoutPays(slow, { stepsLeft: 50, stepSeconds: 5.1, ranks: 2 }));
    assert.ok(!goingOnWithoutPays(slow, { stepsLeft: 0, stepSeconds: 5.1, ranks: 2 }));
  });

  it("never does when that would take longer", () => {
    const job = fc.record({
      stepsLeft: fc.nat(100),
      stepSeconds: fc.double({ min: 0.01, max: 100, noNaN: true }),
      ranks: fc.integer({ min: 2, max: 16 }),
      others: fc.double({ min: 0.001, max: 20, noNaN: true }),
    });
    fc.assert(
      fc.property(job, ({ others, ...rest }) => {
        const straggler = { rank: 0, seconds: rest.stepSeconds, othersSeconds: others };
        const without = (rest.stepsLeft * others * rest.ranks) / (rest.ranks - 1);
        if (goingOnWithoutPays(straggler, rest)) assert.ok(without < rest.stepsLeft * rest.stepSeconds);
      }),
    );
  });
});
