import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Deadlines } from "./deadlines.js";

describe("Deadlines", () => {
  it("tells of a job from its deadline on, until it is removed", () => {
    const deadlines = new Deadlines();
    deadlines.add("late", 30);
    deadlines.add("early", 10);
    assert.deepEqual(deadlines.due(9), []);
    assert.deepEqual(deadlines.due(10), ["early"]);
    assert.deepEqual(deadlines.due(20), ["early"]);
    deadlines.remove("early");
    assert.deepEqual(deadlines.due(40), ["late"]);
  });

  it("forgets jobs that ended before their time", () => {
    const deadlines = new Deadlines();
    for (let i = 0; i < 10_000; i++) {
      deadlines.add(`j${i}`, 1_000 + i);
      deadlines.remove(`j${i}`);
    }
    assert.equal(deadlines.size, 0);
    assert.deepEqual(deadlines.due(1e9), []);
  });
});
