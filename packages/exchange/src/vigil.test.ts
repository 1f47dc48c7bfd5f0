import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import { Vigil } from "./vigil.js";

describe("a vigil", () => {
  it("ends after silence, counted from the last sign", async () => {
    const clock = new ManualClock();
    const vigil = new Vigil(clock, 400);
    let endedAt = -1;
    const silent = vigil.untilSilent(neverAborts).then(() => {
      endedAt = clock.now();
    });
    await clock.advance(350);
    vigil.heard();
    await clock.advance(449);
    assert.equal(endedAt, -1);
    await clock.advance(1000);
    await silent;
    assert.equal(endedAt, 800);
  });

  it("ends with its signal, leaving no timer behind", async () => {
    const clock = new ManualClock();
    const stop = new AbortController();
    const silent = new Vigil(clock, 400).untilSilent(stop.signal);
    await clock.advance(150);
    stop.abort(new Error("the call is over"));
    await assert.rejects(silent, /the call is over/);
    assert.equal(clock.sleeping, 0);
  });
});
