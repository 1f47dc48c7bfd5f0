import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts } from "../abort.js";
import { ManualClock } from "./manual-clock.js";

describe("ManualClock", () => {
  it("wakes sleepers in the order of their times, also those that a woken one adds", async () => {
    const clock = new ManualClock();
    const woken: string[] = [];
    const late = clock.sleep(20, neverAborts).then(() => woken.push(`late at ${clock.now()}`));
    const early = clock
      .sleep(5, neverAborts)
      .then(() => clock.sleep(10, neverAborts))
      .then(() => woken.push(`nested at ${clock.now()}`));
    await clock.advance(30);
    await Promise.all([late, early]);
    assert.deepEqual(woken, ["nested at 15", "late at 20"]);
    assert.equal(clock.now(), 30);
  });

  it("forgets a sleep that was aborted", async () => {
    const clock = new ManualClock();
    const stop = new AbortController();
    const sleep = clock.sleep(5, stop.signal);
    stop.abort(new Error("enough"));
    await assert.rejects(sleep, /enough/);
    assert.equal(clock.sleeping, 0);
  });

  it("moves the wall clock alone when it jumps", () => {
    const clock = new ManualClock();
    const before = clock.wallTime();
    clock.jumpWallTime(3_600_000);
    assert.equal(clock.wallTime() - before, 3_600_000);
    assert.equal(clock.now(), 0);
  });
});
