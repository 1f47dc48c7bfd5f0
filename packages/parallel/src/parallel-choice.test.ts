import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseParallel, showParallel } from "./parallel-choice.js";

describe("the degrees that a user pins", () => {
  it("are read in any order, and each may be left to the planner", () => {
    assert.deepEqual(parseParallel("auto"), {});
    assert.deepEqual(parseParallel("cfg=1"), { cfg: 1 });
    assert.deepEqual(parseParallel("context=7"), { context: 7 });
    assert.deepEqual(parseParallel("context=1024,cfg=2"), { cfg: 2, context: 1024 });
    assert.deepEqual(parseParallel(showParallel({ cfg: 2, context: 3 })), { cfg: 2, context: 3 });
    assert.deepEqual(parseParallel("activations=bf16"), { activations: "bf16" });
    const all = { cfg: 1, context: 2, activations: "int8" } as const;
    assert.deepEqual(parseParallel(showParallel(all)), all);
  });

  for (const text of [
    "",
    "AUTO",
    "cfg=3",
    "cfg=0",
    "context=0",
    "context=1025",
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
