import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import { BusyTime } from "./busy-time.js";

describe("busy time", () => {
  it("counts what overlaps once, and pauses not at all", async () => {
    const clock = new ManualClock();
    const busy = new BusyTime(() => clock.now());
    const first = busy.during(clock.sleep(2000, neverAborts));
    await clock.advance(1000);
    const second = busy.during(clock.sleep(3000, neverAborts)); // 1 s to 4 s
    await clock.advance(5000);
    await Promise.all([first, second]);
    const third = busy.during(clock.sleep(1000, neverAborts));
    await clock.advance(1000);
    await third;
    assert.equal(busy.take(), 5);
    assert.equal(busy.take(), 0);
  });

  it("counts what is under way up to now, and the rest later", async () => {
    const clock = new ManualClock();
    const busy = new BusyTime(() => clock.now());
    const work = busy.during(clock.sleep(2000, neverAborts));
    await clock.advance(500);
    assert.equal(busy.take(), 0.5);
    await clock.advance(4000);
    await work;
    assert.equal(busy.take(), 1.5);
  });

  it("ends with what fails", async () => {
    const clock = new ManualClock();
    const busy = new BusyTime(() => clock.now());
    await assert.rejects(busy.during(Promise.reject(new Error("no"))), /no/);
    await clock.advance(1000);
    assert.equal(busy.take(), 0);
  });
});
