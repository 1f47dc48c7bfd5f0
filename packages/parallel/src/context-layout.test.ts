import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { contextLayout } from "./context-layout.js";

const counts = (shares: readonly { readonly count: number }[]): number[] => shares.map(({ count }) => count);

describe("the layout of a half", () => {
  it("deals text and video rows as one sequence", () => {
    const plan = { cfg: 1, context: 3, rates: [1, 1, 1] } as const;
    const { rows, text, video } = contextLayout(plan, { heads: 3, textTokens: 5, videoTokens: 4 });
    assert.deepEqual(counts(rows), [3, 3, 3]);
    assert.deepEqual(text, [
      { start: 0, count: 3 },
      { start: 3, count: 2 },
      { start: 5, count: 0 },
    ]);
    assert.deepEqual(video, [
      { start: 0, count: 0 },
      { start: 0, count: 1 },
      { start: 1, count: 3 },
    ]);
  });

  it("gives a pair of ranks what the slower of the two can do", () => {
    const plan = { cfg: 2, context: 2, rates: [4, 4, 2, 4] } as const;
    const { rows } = contextLayout(plan, { heads: 6, textTokens: 0, videoTokens: 30 });
    assert.deepEqual(counts(rows), [10, 20]);
  });

  it("covers every row and every cell once, for any plan and size", () => {
    const plans = fc.record({
      rates: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 16 }),
      parts: fc.integer({ min: 1, max: 4 }),
      heads: fc.integer({ min: 1, max: 12 }),
      textTokens: fc.integer({ min: 1, max: 20 }),
      videoTokens: fc.integer({ min: 1, max: 40 }),
    });
    fc.assert(
      fc.property(plans, ({ rates, parts, ...sizes }) => {
        const layout = contextLayout({ cfg: 1, context: rates.length, rates, parts }, sizes);
        const { textTokens, videoTokens, heads } = sizes;
        const held = layout.rows.flatMap((_, rank) => {
          const [text, video] = [layout.text[rank], layout.video[rank]];
          assert.ok(text !== undefined && video !== undefined);
          assert.equal(text.count + video.count, layout.rows[rank]?.count);
          return [
            ...Array.from({ length: text.count }, (_, i) => text.start + i),
            ...Array.from({ length: video.count }, (_, i) => textTokens + video.start + i),
          ];
        });
        assert.deepEqual(held, [...Array(textTokens + videoTokens).keys()]);
        const computed = layout.parts
          .flat()
          .reduce((sum, cell) => sum + cell.heads.count * cell.queries.count, 0);
        assert.equal(computed, heads * (textTokens + videoTokens));
      }),
    );
  });

  it("refuses rates that are not the plan's, and parts below one", () => {
    const sizes = { heads: 2, textTokens: 1, videoTokens: 1 };
    assert.throws(() => contextLayout({ cfg: 2, context: 2, rates: [1, 1] }, sizes), {
      message: /2 rates for a plan of 4 ranks/,
    });
    assert.throws(() => contextLayout({ cfg: 1, context: 1, rates: [1], parts: 0 }, sizes), {
      message: /parts 0/,
    });
  });
});
