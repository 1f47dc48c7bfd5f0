import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { Heap } from "./heap.js";

it("hands out what it was given, the first first, whatever comes and goes", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer(), { freq: 2 })), (moves) => {
      const heap = new Heap<number>((a, b) => a < b);
      let held: number[] = [];
      for (const move of moves) {
        held.sort((a, b) => a - b);
        assert.equal(heap.peek(), held[0]);
        if (move !== null) {
          heap.push(move);
          held.push(move);
          continue;
        }
        assert.equal(heap.pop(), held[0]);
        held = held.slice(1);
      }
      assert.equal(heap.size, held.length);
    }),
  );
});
