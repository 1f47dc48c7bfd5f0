import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import { Deadlines } from "./deadlines.js";
import { House } from "./testing/house.js";

describe("Deadlines", () => {
  it("tells of a job from its deadline on, until it is removed", () => {
    const deadlines = new Deadlines();
    deadlines.add("late", 30);
    deadlines.add("early", 10);
    assert.deepEqual(deadlines.due(9), []);
    assert.deepEqual(deadlines.due(10), ["early"]);
    assert.deepEqual(deadlines.due(20), ["early"]);
    deadlines.remove("early");
    assert.deepEqual(deadlines.due(40), ["late"]);
  });

  it("forgets jobs that ended before their time", () => {
    const deadlines = new Deadlines();
    for (let i = 0; i < 10_000; i++) {
      deadlines.add(`j${i}`, 1_000 + i);
      deadlines.remove(`j${i}`);
    }
    assert.equal(deadlines.size, 0);
    assert.deepEqual(deadlines.due(1e9), []);
  });
});

describe("the time that a job has", () => {
  it("ends a job at its deadline, whether it waits or runs", async () => {
    const house = new House();
    const worker = house.worker("w");
    const deadline = house.clock.wallTime() + 1_000;
    const running = await house.submit({ deadline });
    const waiting = await house.submit({ deadline });
    const other = await house.submit();
    await house.clock.advance(999);
    house.fleet.tick();
    assert.deepEqual([await house.state(running.id), await house.state(waiting.id)], ["running", "queued"]);
    await house.clock.advance(1);
    house.fleet.tick();
    await house.dispatcher.settled();
    for (const { id } of [running, waiting]) {
      const { state } = await house.jobs.get(id, neverAborts);
      assert.equal(state.kind === "failed" && state.error.code, "deadline_exceeded");
    }
    assert.equal(worker.kinds.at(-1), `cancel ${running.id} 1`);
    await worker.report({
      ...{ kind: "failed", ...worker.assignment, isRetryable: false },
      error: { code: "cancelled", message: "stopped" },
    });
    assert.equal(await house.state(other.id), "running");
  });

  it("leaves the deadlines to the coordinator that leads", async () => {
    const house = new House();
    house.worker("w");
    const job = await house.submit({ deadline: house.clock.wallTime() + 1_000 });
    house.leadership.end();
    await house.clock.advance(1_000);
    house.dispatcher.tick(0);
    assert.equal(await house.state(job.id), "running");
    assert.ok(!house.noted.includes("fenced"));
    house.leadership.begin(2);
    house.dispatcher.tick(0);
    assert.equal(await house.state(job.id), "failed");
  });

  it("ends a job that has run for too long, all attempts together; waiting does not count", async () => {
    const house = new House();
    const worker = house.worker("w");
    const job = await house.submit({ maxRunSeconds: 2 });
    const runFor = async (ms: number): Promise<void> => {
      for (let t = 0; t < ms; t += 250) {
        await house.clock.advance(250);
        await worker.session.receive({ kind: "heartbeat" });
        house.fleet.tick();
      }
      await house.dispatcher.settled();
    };
    await runFor(1_500);
    await worker.report({
      ...{ kind: "failed", ...worker.assignment, isRetryable: true },
      error: { code: "unavailable", message: "no" },
    });
    assert.equal(await house.state(job.id), "running");
    await runFor(250);
    assert.equal(await house.state(job.id), "running");
    await runFor(250);
    const { state, ranMs } = await house.jobs.get(job.id, neverAborts);
    assert.equal(state.kind === "failed" && state.error.code, "run_time_exceeded");
    assert.deepEqual(ranMs, { earlier: 1_500, current: 500 });
  });
});
