import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deletionCost } from "./deletion-cost.js";

describe("what a pod's deletion costs", () => {
  it("is least for a worker that leaves anyway, then for an idle one, then for one that has got least far", () => {
    const at = (step: number) => ({ stage: "denoise", step, steps: 50 }) as const;
    const costs = [
      deletionCost({ isDraining: true, job: at(49) }),
      deletionCost({ isDraining: false, job: undefined }),
      deletionCost({ isDraining: false, job: { ...at(0), stage: undefined } }),
      deletionCost({ isDraining: false, job: at(5) }),
      deletionCost({ isDraining: false, job: at(49) }),
      deletionCost({ isDraining: false, job: { ...at(50), stage: "decode" } }),
    ];
    assert.deepEqual(costs, [-1000, -100, 100, 110, 190, 200]);
  });

  it("changes ten times a job, not with every step", () => {
    const costs = Array.from({ length: 50 }, (_, step) =>
      deletionCost({ isDraining: false, job: { stage: "denoise", step, steps: 50 } }),
    );
    assert.equal(new Set(costs).size, 10);
  });
});
