import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { choiceProblem, fitChoice, PARALLEL_RULE, parseParallel, showParallel } from "./parallel-choice.js";

describe("the degrees that a user pins", () => {
  it("are read in any order, and each may be left to the planner", () => {
    assert.deepEqual(parseParallel("auto"), {});
    assert.deepEqual(parseParallel("cfg=1"), { cfg: 1 });
    assert.deepEqual(parseParallel("context=7"), { context: 7 });
    assert.deepEqual(parseParallel("context=8,cfg=2"), { cfg: 2, context: 8 });
    assert.deepEqual(parseParallel(showParallel({ cfg: 2, context: 3 })), { cfg: 2, context: 3 });
    assert.deepEqual(parseParallel("activations=bf16"), { activations: "bf16" });
    const all = { cfg: 1, context: 2, activations: "int8" } as const;
    assert.deepEqual(parseParallel(showParallel(all)), all);
  });

  it("take as many workers together as the rule says", () => {
    assert.match(PARALLEL_RULE, /context 1 to 16, together at most 16 workers/);
    assert.deepEqual(parseParallel("context=16"), { context: 16 });
  });

  it("are made smaller for fewer workers, halves last, and else kept as they are", () => {
    const both = { cfg: 2, context: 2 } as const;
    const fitted = [5, 4, 3, 2, 1].map((workers) => fitChoice(both, workers));
    assert.deepEqual(fitted, [
      both,
      both,
      { ...both, context: 1 },
      { ...both, context: 1 },
      { cfg: 1, context: 1 },
    ]);
    assert.deepEqual(fitChoice({ context: 7, activations: "bf16" }, 3), {
      ...{ cfg: 1, context: 3, activations: "bf16" },
    });
    assert.deepEqual(fitChoice({}, 1), {});
  });

  it("split a guidance only where there is one", () => {
    assert.equal(choiceProblem({ cfg: 2 }, 1.5), undefined);
    assert.equal(choiceProblem({ cfg: 1 }, 1), undefined);
    assert.match(choiceProblem({ cfg: 2 }, 1) ?? "", /guidance_scale 1 computes only one: use cfg=1/);
  });

  for (const text of [
    "",
    "AUTO",
    "cfg=3",
    "cfg=0",
    "context=0",
    "context=17",
    "cfg=2,context=9",
    "context=16,cfg=2",
    "cfg=2,cfg=2",
    "context=2,context=2",
    "cfg=2,",
    "activations=fp8",
    "activations=bf16,activations=bf16",
    "x=1",
    "cfg = 2",
  ]) {
    it(`are refused when they say ${JSON.stringify(text)}`, () =>
      assert.equal(parseParallel(text), undefined));
  }
});
