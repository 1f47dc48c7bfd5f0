import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { arrange, attentionCells, splitHeads } from "./arrangement.js";

const equal = (ranks: number): number[] => Array.from({ length: ranks }, () => 1);

describe("arranging ranks over heads", () => {
  it("gives each rank heads of its own while they last", () => {
    const { columns, imbalance } = arrange(equal(2), 3);
    assert.deepEqual(
      columns.map(({ heads }) => heads.count),
      [2, 1],
    );
    assert.equal(imbalance, 4 / 3);
  });

  it("shares rows where ranks outnumber heads, as balanced as can be", () => {
    const six = arrange(equal(6), 3);
    assert.deepEqual(
      six.columns.map(({ ranks }) => ranks.count),
      [2, 2, 2],
    );
    assert.equal(six.imbalance, 1);
    // 4 ranks over 3 heads: columns of 2 and 1 heads would leave ranks idle; one column does not.
    assert.equal(arrange(equal(4), 3).columns.length, 1);
    assert.equal(arrange(equal(4), 3, 2).columns.length, 2);
    assert.throws(() => arrange(equal(4), 3, 4), { code: "internal" });
  });

  it("covers every head of every row exactly once, for any ranks, heads and rows", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 16 }),
        fc.integer({ min: 1, max: 48 }),
        fc.nat(50),
        fc.nat(),
        fc.integer({ min: 1, max: 4 }),
        (rates, heads, rows, choice, parts) => {
          const most = Math.min(rates.length, heads);
          const arrangement = arrange(rates, heads, choice % 2 === 0 ? undefined : 1 + (choice % most));
          assert.ok(arrangement.imbalance >= 1 - 1e-9);
          const cells = attentionCells(arrangement, rates, rows);
          assert.equal(cells.length, rates.length);
          const seen = new Uint8Array(heads * rows);
          for (const part of splitHeads(cells, parts)) {
            assert.equal(part.length, rates.length);
            for (const { heads: h, queries: q } of part) {
              for (let i = h.start; i < h.start + h.count; i++) {
                for (let j = q.start; j < q.start + q.count; j++) {
                  seen[i * rows + j] = (seen[i * rows + j] ?? 0) + 1;
                }
              }
            }
          }
          assert.ok(seen.every((times) => times === 1));
        },
      ),
    );
  });
});
