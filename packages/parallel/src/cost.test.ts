import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { contextLayout } from "./context-layout.js";
import { forwardFlops, hostBytes, layerFlops, operandTraffic, resultTraffic, swapBytes } from "./cost.js";
import { jobShape, jointTokens } from "./job-shape.js";
import { ARGUMENTS_480P, RELEASED_MODELS } from "./testing/index.js";

const job = jobShape(RELEASED_MODELS["5B"], ARGUMENTS_480P, "bf16");
const P768 = { ...ARGUMENTS_480P, height: 768, width: 1360, numFrames: 81 };

/** GB that rank 0 sends in a step of both branches, bf16 on the wire. */
function sentGb(model: "2B" | "5B", context: number, columns: number): number {
  const shape = jobShape(RELEASED_MODELS[model], ARGUMENTS_480P, "bf16");
  const layout = contextLayout(
    { cfg: 1, context, rates: Array.from({ length: context }, () => 1), columns },
    shape,
  );
  const layer = [operandTraffic(shape, layout, 2), resultTraffic(shape, layout, 2)].reduce(
    (sum, traffic) => sum + (traffic[0] ?? []).reduce((a, b) => a + b, 0),
    0,
  );
  return (2 * shape.layers * layer) / 1e9;
}

function assertNear(actual: number, expected: number, tolerance = 0.005): void {
  assert.ok(Math.abs(actual / expected - 1) <= tolerance, `${actual} is not near ${expected}`);
}

describe("the cost of a forward pass", () => {
  it("counts the tokens of the released models", () => {
    assert.equal(jointTokens(job), 17_776);
    const tokens = (numFrames: number) =>
      jointTokens(jobShape(RELEASED_MODELS["1.5-5B"], { ...P768, numFrames }, "bf16"));
    assert.equal(tokens(81), 45_106);
    assert.equal(tokens(161), 85_906);
    assert.equal(job.latentElements, 1_123_200);
  });

  it("counts the arithmetic of the released models, TFLOP", () => {
    const tflop = (model: keyof typeof RELEASED_MODELS, args = ARGUMENTS_480P) =>
      forwardFlops(jobShape(RELEASED_MODELS[model], args, "bf16")) / 1e12;
    assertNear(tflop("2B"), 120);
    assertNear(tflop("5B"), 332);
    assertNear(tflop("1.5-5B", P768), 1479);
    assertNear(tflop("1.5-5B", { ...P768, numFrames: 161 }), 4626);
  });

  it("counts what Ulysses sends, GB a rank and step", () => {
    for (const [model, ranks, gb] of [
      ["5B", 2, 9.17],
      ["5B", 4, 6.88],
      ["5B", 8, 4.01],
      ["2B", 2, 4.1],
      ["2B", 4, 3.07],
    ] as const)
      assertNear(sentGb(model, ranks, ranks), gb, 0.02); // 30 heads are no 4 equal shares
  });

  it("counts what gathered K, V sends, GB a rank and step", () => {
    for (const [model, ranks, gb] of [
      ["5B", 2, 9.17],
      ["5B", 4, 13.8],
      ["5B", 8, 16.1],
      ["2B", 4, 6.14],
    ] as const)
      assertNear(sentGb(model, ranks, 1), gb, 0.02);
  });

  it("swaps one latent a step between the halves", () => {
    const layout = contextLayout({ cfg: 2, context: 1, rates: [1, 1] }, job);
    assert.equal(swapBytes(job, layout, 0), 4_492_800);
  });

  it("passes nothing through host memory that a cut does not, and everything that it does", () => {
    const layout = contextLayout({ cfg: 2, context: 2, rates: [1, 1, 1, 1] }, job);
    const { rows, attention } = hostBytes(job, layout, 0, 2);
    assert.equal(rows, 6 * 8_888 * 3_072 * 2);
    assert.equal(attention, 4 * 17_776 * 1_536 * 2);
  });
});

describe("costs of any arrangement", () => {
  const arrangement = fc
    .record({
      rates: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 16 }),
      heads: fc.integer({ min: 1, max: 48 }),
      textTokens: fc.integer({ min: 1, max: 40 }),
      videoTokens: fc.integer({ min: 1, max: 300 }),
      parts: fc.integer({ min: 1, max: 4 }),
      pick: fc.nat(),
    })
    .map(({ pick, rates, ...sizes }) => {
      const columns = 1 + (pick % Math.min(rates.length, sizes.heads));
      const plan = { cfg: 1 as const, context: rates.length, rates, columns, parts: sizes.parts };
      const shape = { ...sizes, innerDim: 8 * sizes.heads, layers: 1 };
      return { shape, layout: contextLayout(plan, shape) };
    });

  it("add up to the arithmetic of one rank", () => {
    fc.assert(
      fc.property(arrangement, ({ shape, layout }) => {
        const sum = layerFlops(shape, layout).reduce((all, { rows, attention }) => all + rows + attention, 0);
        assertNear(sum, forwardFlops(shape), 1e-12);
      }),
    );
  });

  it("bring every rank what it lacks of its operands, and its rows of the result", () => {
    fc.assert(
      fc.property(arrangement, ({ shape, layout }) => {
        const S = jointTokens(shape);
        const received = (traffic: readonly (readonly number[])[], to: number) =>
          traffic.reduce((sum, row) => sum + (row[to] as number), 0);
        for (const [rank, own] of layout.rows.entries()) {
          let operands = 0;
          let kept = 0;
          for (const cells of layout.parts) {
            const { queries, heads } = cells[rank] as (typeof cells)[number];
            const end = Math.min(queries.start + queries.count, own.start + own.count);
            const common = Math.max(0, end - Math.max(queries.start, own.start));
            operands += heads.count * (queries.count - common + 2 * (S - own.count));
            kept += heads.count * common;
          }
          assert.equal(received(operandTraffic(shape, layout, 1), rank), 8 * operands);
          assert.equal(received(resultTraffic(shape, layout, 1), rank), 8 * (own.count * shape.heads - kept));
        }
      }),
    );
  });
});
