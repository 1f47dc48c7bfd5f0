import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { dealShares, dealt, overlap } from "./shares.js";

const rates = fc
  .array(fc.oneof(fc.constant(0), fc.double({ min: 0.01, max: 100, noNaN: true })), {
    minLength: 1,
    maxLength: 16,
  })
  .filter((some) => some.some((rate) => rate > 0));

function counts(total: number, ...some: number[]): number[] {
  return dealShares(total, some).map(({ count }) => count);
}

describe("dealing shares", () => {
  it("deals what does not divide", () => {
    assert.deepEqual(counts(3, 1, 1), [2, 1]);
    assert.deepEqual(counts(30, 1, 1, 1, 1), [8, 8, 7, 7]);
    assert.deepEqual(counts(17_776, 1, 1, 1, 1, 1, 1, 1), [2540, 2540, 2540, 2539, 2539, 2539, 2539]);
    assert.deepEqual(counts(2, 1, 1, 1), [1, 1, 0]);
    assert.deepEqual(counts(10, 3, 1), [8, 2]);
    assert.deepEqual(counts(7, 1, 0, 1), [4, 0, 3]);
    assert.deepEqual(dealShares(0, [1, 1]), [
      { start: 0, count: 0 },
      { start: 0, count: 0 },
    ]);
  });

  it("deals everything, in order, each share within one of its exact part", () => {
    fc.assert(
      fc.property(fc.nat(200_000), rates, (total, some) => {
        const shares = dealShares(total, some);
        const sum = some.reduce((a, b) => a + b, 0);
        let next = 0;
        for (const [i, { start, count }] of shares.entries()) {
          assert.equal(start, next);
          assert.ok(Number.isInteger(count) && count >= 0);
          assert.ok(Math.abs(count - (total * (some[i] ?? 0)) / sum) < 1 + 1e-6);
          if (some[i] === 0) assert.equal(count, 0);
          next += count;
        }
        assert.equal(next, total);
        assert.equal(dealt(shares), total);
      }),
    );
  });

  it("refuses rates that mean nothing", () => {
    for (const some of [[], [0, 0], [-1, 2], [Number.NaN], [Number.POSITIVE_INFINITY]]) {
      assert.throws(() => dealShares(4, some), { code: "internal" });
    }
    assert.throws(() => dealShares(1.5, [1]), { code: "internal" });
  });

  it("knows what shares have in common", () => {
    assert.deepEqual(overlap({ start: 2, count: 4 }, { start: 4, count: 9 }), { start: 4, count: 2 });
    assert.equal(overlap({ start: 0, count: 3 }, { start: 5, count: 2 }).count, 0);
  });
});
