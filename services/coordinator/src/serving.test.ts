import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "@cogfleet/core/testing";
import { followReadiness } from "./serving.js";

describe("health checks over gRPC", () => {
  it("follow the readiness probe within a second, and say no from the moment the process stops", async () => {
    const clock = new ManualClock();
    const stopping = new AbortController();
    let reason: string | undefined;
    let isServing: boolean | undefined;
    const following = followReadiness(
      {
        clock,
        notReady: () => reason,
        setServing: (now) => {
          isServing = now;
        },
      },
      stopping.signal,
    );
    assert.equal(isServing, true);
    reason = "the job store has not answered for 10 s";
    await clock.advance(1_000);
    assert.equal(isServing, false);
    reason = undefined;
    await clock.advance(1_000);
    assert.equal(isServing, true);
    stopping.abort();
    await following;
    assert.equal(isServing, false);
  });
});
