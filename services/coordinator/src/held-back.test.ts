import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { House } from "./testing/house.js";

/** The connection of this worker. */
function connection(house: House, id: string) {
  return house.workers.all().find(({ worker }) => worker.id === id) ?? assert.fail(`${id} is not connected`);
}

describe("a worker that is held back", () => {
  it("hands its job to another one after the step in flight", async () => {
    const house = new House();
    const first = house.worker("w1");
    const job = await house.submit();
    await first.step(1);
    const second = house.worker("w2");
    house.dispatcher.attempts.holdBack(connection(house, "w1"), "its node has the taint a:NoSchedule");
    assert.equal(first.kinds.at(-1), `yield ${job.id} 1`);
    await first.step(2);
    await first.fail(false, "cancelled"); // hands it back
    assert.match(
      (await house.events(job.id)).map(({ message }) => message).join(),
      /queued again: worker w1 is held back: its node has the taint a:NoSchedule/,
    );
    assert.equal(second.assignment.jobId, job.id);
    assert.equal(second.assignment.epoch, 2);
  });

  it("finishes what it decodes", async () => {
    const house = new House();
    const worker = house.worker("w1");
    const job = await house.submit();
    await worker.step(3);
    await worker.report({ kind: "stage_started", ...worker.assignment, stage: "decode", warnings: [] });
    house.dispatcher.attempts.holdBack(connection(house, "w1"), "spot");
    await worker.finish();
    assert.equal(await house.state(job.id), "completed");
  });

  it("takes nothing new until it is let in again", async () => {
    const house = new House();
    const worker = house.worker("w1");
    house.dispatcher.attempts.holdBack(connection(house, "w1"), "cordoned");
    const job = await house.submit();
    assert.equal(await house.state(job.id), "queued");
    house.dispatcher.attempts.letIn(connection(house, "w1"));
    assert.equal(await house.state(job.id), "running");
    assert.equal(worker.assignment.jobId, job.id);
  });

  it("gets its job again when it is let in before the next step", async () => {
    const house = new House();
    const worker = house.worker("w1");
    const job = await house.submit();
    house.dispatcher.attempts.holdBack(connection(house, "w1"), "cordoned");
    house.dispatcher.attempts.letIn(connection(house, "w1"));
    await worker.step(1);
    await worker.fail(false, "cancelled");
    assert.equal(await house.state(job.id), "running");
    assert.equal(worker.assignment.epoch, 2);
  });

  it("leaves all the same when it is shutting down and is let in", async () => {
    const house = new House();
    const worker = house.worker("w1");
    await worker.report({ kind: "draining" });
    const held = connection(house, "w1");
    house.dispatcher.attempts.holdBack(held, "cordoned");
    house.dispatcher.attempts.letIn(held);
    const job = await house.submit();
    assert.equal(await house.state(job.id), "queued");
  });
});
