// The rarer moments and ways: two minutes in all.
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { describe, it } from "node:test";
import { assertNoneTwice, harm, STEPS } from "./harm.js";

describe("three workers on one job", { timeout: 540_000 }, () => {
  for (const [victim, at] of [
    [1, "STAGE_ENCODE 0"],
    [1, "STAGE_DENOISE 0"],
    [2, "STAGE_DENOISE 5"],
    [0, `STAGE_DECODE ${STEPS}`],
    [randomInt(3), `STAGE_DENOISE ${randomInt(1, 8)}`],
    [randomInt(3), `STAGE_DENOISE ${randomInt(1, 8)}`],
  ] as const)
    it(`go on as two when rank ${victim} is killed at ${at}, and no step is done twice`, async (t) => {
      const { noticedMs, steps } = await harm(t, { victim, at, by: "SIGKILL" });
      assert.ok(noticedMs < 3000, `noticed after ${noticedMs} ms`);
      assertNoneTwice(steps);
    });

  it("go on as two when one stands still", async (t) => {
    const { noticedMs, steps } = await harm(t, { victim: 1, at: "STAGE_DENOISE 3", by: "SIGSTOP" });
    // A lease of 3 s that is looked at ten times, by a coordinator that may be kept waiting, too.
    assert.ok(noticedMs < 5000, `noticed after ${noticedMs} ms`);
    assertNoneTwice(steps);
  });

  it("go on as two when one is told to leave", async (t) => {
    const { steps } = await harm(t, { victim: 2, at: "STAGE_DENOISE 3", by: "SIGTERM" });
    assertNoneTwice(steps);
  });
});
