import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { SortedList } from "./sorted-list.js";

describe("a sorted list", () => {
  it("is what a sorted array would be, whatever is added and removed", () => {
    const change = fc.record({ isAdded: fc.boolean(), from: fc.nat(3_000), count: fc.nat(1_500) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), fc.nat(3_000), (changes, end) => {
        const list = new SortedList<number>((a, b) => a < b);
        const expected = new Set<number>();
        for (const { isAdded, from, count } of changes)
          for (let i = 0; i < count; i++) {
            const item = (from + i * 7) % 4_096;
            if (!isAdded) {
              list.remove(item);
              expected.delete(item);
            } else if (!expected.has(item)) {
              list.add(item);
              expected.add(item);
            }
          }
        const sorted = [...expected].sort((a, b) => a - b);
        assert.equal(list.length, sorted.length);
        assert.deepEqual([...list.backwards()], sorted.toReversed());
        assert.deepEqual([...list.backwards(end)], sorted.filter((item) => item < end).reverse());
        assert.equal(list.placeOf(end), sorted.filter((item) => item < end).length);
        for (const place of [0, 1, 600, 1_500, sorted.length]) assert.equal(list.at(place), sorted[place]);
      }),
      { numRuns: 50 },
    );
  });
});
