import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { House } from "./testing/house.js";

/** What was noted of these kinds, in order. */
function noted(house: House, ...starts: string[]): string[] {
  return house.noted.filter((note) => starts.some((start) => note.startsWith(start)));
}

describe("a job whose worker is lost", () => {
  it("loses the steps since its checkpoint and the one under way, and has recovered at its next step", async () => {
    const house = new House();
    const first = house.worker("w1");
    await house.submit({ numInferenceSteps: 5 });
    await first.step(1);
    await first.step(2);
    await first.leave();
    await house.clock.advance(4000);
    const second = house.worker("w2");
    await house.dispatcher.settled();
    await house.clock.advance(1500);
    await second.step(1);
    await second.step(2);
    assert.deepEqual(noted(house, "lost 3 steps", "recovered"), [
      "lost 3 steps by worker_lost",
      "recovered after 5.5 s",
    ]);
  });

  it("counts from the first loss when it is lost again before it got on", async () => {
    const house = new House();
    const first = house.worker("w1");
    await house.submit();
    await first.leave();
    await house.clock.advance(1000);
    const second = house.worker("w2");
    await house.dispatcher.settled();
    await second.leave();
    await house.clock.advance(1000);
    const third = house.worker("w3");
    await house.dispatcher.settled();
    await third.step(1);
    assert.deepEqual(noted(house, "recovered"), ["recovered after 2.0 s"]);
  });

  it("loses no step while it encodes or decodes, and has recovered when it decodes again", async () => {
    const house = new House();
    const first = house.worker("w1");
    await house.submit({ numInferenceSteps: 1 });
    await first.storeStep(1);
    await first.report({ kind: "stage_started", ...first.assignment, stage: "decode", warnings: [] });
    await first.leave();
    const second = house.worker("w2");
    await house.dispatcher.settled();
    await house.clock.advance(500);
    await second.report({ kind: "stage_started", ...second.assignment, stage: "decode", warnings: [] });
    await second.finish();
    assert.deepEqual(noted(house, "lost 0", "lost 1", "recovered"), [
      "lost 0 steps by worker_lost",
      "recovered after 0.5 s",
    ]);
  });

  it("ages while it runs without a step, over all its attempts, and not while it waits or decodes", async () => {
    const house = new House();
    const { dispatcher, clock } = house;
    const first = house.worker("w1");
    await house.submit({ numInferenceSteps: 2 });
    await clock.advance(4000);
    assert.equal(dispatcher.stepAgeSeconds, 4);
    await first.step(1);
    await clock.advance(3000);
    await first.leave();
    assert.equal(dispatcher.stepAgeSeconds, 0);
    await clock.advance(60_000);
    const second = house.worker("w2");
    await dispatcher.settled();
    await clock.advance(2000);
    assert.equal(dispatcher.stepAgeSeconds, 5);
    await second.step(1);
    assert.equal(dispatcher.stepAgeSeconds, 0);
    await second.step(2);
    await clock.advance(9000);
    assert.equal(dispatcher.stepAgeSeconds, 0);
  });

  it("has not recovered when it ends otherwise", async () => {
    const house = new House();
    const first = house.worker("w1");
    await house.submit();
    await first.leave();
    const second = house.worker("w2");
    await house.dispatcher.settled();
    await second.fail(false);
    assert.deepEqual(noted(house, "recovered"), []);
  });
});
