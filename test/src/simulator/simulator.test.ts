import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { caught, PLAIN } from "./mutants.js";
import { complaint, resultOf } from "./report.js";
import { scenarioOf, simulate } from "./simulation.js";

const SEEDS = 12; // CI runs 1,000

describe("the simulator", () => {
  it("finds no promise broken", async () => {
    const complaints: string[] = [];
    for (let seed = 1; seed <= SEEDS; seed++) {
      const result = resultOf(await simulate(scenarioOf(seed)));
      if (result.violations.length > 0) complaints.push(complaint(result));
    }
    assert.deepEqual(complaints, []);
  });

  it("is a function of the seed", async () => {
    for (const seed of [3, 14]) {
      const [one, two] = [await simulate(scenarioOf(seed)), await simulate(scenarioOf(seed))];
      assert.equal(one.history.sha256(), two.history.sha256(), `seed ${seed}`);
    }
  });

  for (const mutant of PLAIN)
    it(`notices ${mutant}`, async () => {
      assert.ok(await caught(mutant, SEEDS));
    });
});
