import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertNoneTwice, harm } from "./harm.js";

describe("three workers on one job", { timeout: 540_000 }, () => {
  it("go on as two when rank 0 is killed in mid-denoise, and no step is done twice", async (t) => {
    const { noticedMs, steps } = await harm(t, { victim: 0, at: "STAGE_DENOISE 3", by: "SIGKILL" });
    assert.ok(noticedMs < 3000, `noticed after ${noticedMs} ms`);
    assertNoneTwice(steps);
  });
});
