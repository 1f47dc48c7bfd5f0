import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertNoneTwice, harm } from "./harm.js";

describe("three workers on one job", { timeout: 540_000 }, () => {
  for (const [victim, at] of [
    [0, "STAGE_DENOISE 3"],
    [2, "STAGE_DENOISE 5"],
  ] as const)
    it(`go on as two when rank ${victim} is killed at ${at}, and no step is done twice`, async (t) => {
      const { noticedMs, steps } = await harm(t, { victim, at, by: "SIGKILL" });
      assert.ok(noticedMs < 3000, `noticed after ${noticedMs} ms`);
      assertNoneTwice(steps);
    });
});
