import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from "./half.js";
import { roundHalfEven } from "./half-even.js";

const every = Array.from({ length: 2 ** 16 }, (_, bits) => bits);

for (const [name, to, from] of [
  ["float16", toFloat16, fromFloat16],
  ["bfloat16", toBfloat16, fromBfloat16],
] as const)
  describe(name, () => {
    it("comes back from float32 as it was", () => {
      for (const bits of every) if (!Number.isNaN(from(bits))) assert.equal(to(from(bits)), bits);
      assert.ok(Number.isNaN(from(to(Number.NaN))));
    });

    it("rounds to the nearest, halves to the even one", () => {
      for (const bits of every.filter(
        (b) => Number.isFinite(from(b)) && Number.isFinite(from(b + 1)) && b < 0x8000,
      )) {
        const [low, high] = [from(bits), from(bits + 1)];
        const middle = (low + high) / 2;
        assert.equal(to(middle), bits % 2 === 0 ? bits : bits + 1);
        assert.equal(to(Math.fround(middle - (high - low) / 64)), bits);
        assert.equal(to(Math.fround(middle + (high - low) / 64)), bits + 1);
        assert.equal(to(-middle), 0x8000 + to(middle));
      }
    });
  });

describe("float16", () => {
  it("overflows to infinity half a step above its largest", () => {
    assert.equal(fromFloat16(toFloat16(65519)), 65504);
    assert.equal(fromFloat16(toFloat16(65520)), Number.POSITIVE_INFINITY);
    assert.equal(fromFloat16(toFloat16(-1e30)), Number.NEGATIVE_INFINITY);
  });
});

describe("roundHalfEven", () => {
  it("rounds as Python does", () => {
    assert.deepEqual(
      [0.5, 1.5, 2.5, 6.5, 7.5, -0.5, -1.5, 2.4, 2.6].map(roundHalfEven),
      [0, 2, 2, 6, 8, 0, -2, 2, 3],
    );
  });
});
