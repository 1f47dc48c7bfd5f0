import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { modelledFleetTable, plannedStep, simulatedStep } from "./modelled-fleet.js";

describe("a modelled fleet", () => {
  it("takes the time that the planner expects of it, and no less than its arithmetic", async () => {
    const link = { bytesPerSecond: 12.5e9, latencySeconds: 20e-6 };
    const { plan, seconds } = plannedStep({ cfg: 2, context: 2 }, link, false);
    const step = await simulatedStep(4, { plan, link, hostBytesPerSecond: undefined });
    assert.ok(Math.abs(step.stepSeconds / seconds - 1) < 0.05, `${step.stepSeconds} s, planned ${seconds} s`);
    assert.ok(Math.abs(step.computeSeconds - 6.28 / 4) < 0.001);
    assert.ok(step.stepSeconds >= step.computeSeconds);
  });

  it("is shown beside the published figures, and as a model", () => {
    const row = { ratio: 1, min: 1, max: 1, goal: null, better: "lower", what: "" } as const;
    const table = modelledFleetTable([
      { ...row, bench: "modelled-fleet-4x100Gb", figures: { speedup: 3.5 } },
      { ...row, bench: "modelled-fleet-4x100Gb-host", figures: { speedup: 1.5 } },
    ]);
    assert.match(table[0] ?? "", /^MODEL: /);
    assert.match(table.find((line) => line.startsWith("4 ")) ?? "", /- +- +3\.50x +- +1\.50x +3\.63x$/);
  });
});
