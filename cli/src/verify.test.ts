import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CaseResult } from "@cogfleet/verify";
import { caseLine, verifyExitCode } from "./verify.js";

describe("verify for people", () => {
  it("says how close a case came to its tolerance, or why it failed", () => {
    const check = { name: "latents", rel_l2: 1e-7, max_abs: 1e-5, atol: 4e-5, ok: true };
    const passed: CaseResult = {
      case: "vae",
      status: "passed",
      checks: [check, { ...check, atol: 0, max_abs: 0 }],
    };
    assert.equal(caseLine(passed), "passed      vae: 2 checks, at most 25.0 % of the tolerance");
    const half = { ...check, rel_l2: 0.002, rel_l2_allowed: 0.01 };
    assert.match(caseLine({ ...passed, checks: [half] }), /1 checks, at most 20\.0 % of the tolerance$/);
    const failed: CaseResult = { case: "rng", status: "failed", checks: [], error: "nothing was compared" };
    assert.equal(caseLine(failed), "failed      rng: nothing was compared");
    const unsupported: CaseResult = { case: "lora", status: "unsupported", checks: [], reason: "LoRA" };
    assert.equal(caseLine(unsupported), "unsupported lora: LoRA");
  });

  it("fails by any failure, and when strict by what is not supported", () => {
    const summary = { summary: true, cases: 3, passed: 2, failed: 0, unsupported: 1 } as const;
    assert.equal(verifyExitCode(summary, false), 0);
    assert.equal(verifyExitCode(summary, true), 1);
    assert.equal(verifyExitCode({ ...summary, failed: 1 }, false), 1);
  });
});
