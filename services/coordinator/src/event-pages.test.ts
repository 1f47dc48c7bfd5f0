import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { EventPages } from "./event-pages.js";
import { eventOf, type Job, type JobEvent } from "./job.js";
import { sampleJob } from "./testing/sample-jobs.js";

interface Reading {
  answer(events: readonly JobEvent[]): void;
  fail(reason: Error): void;
}

const { job, event } = sampleJob("j");

/** Pages of a store that answers when it is told to. */
function slowPages(stored: Job = job): { readonly pages: EventPages; readonly readings: readonly Reading[] } {
  const readings: Reading[] = [];
  const events = () =>
    new Promise<readonly JobEvent[]>((answer, fail) => {
      readings.push({ answer, fail });
    });
  return { pages: new EventPages({ store: { events }, job: async () => stored }), readings };
}

describe("EventPages", () => {
  it("share a read that is under way, and no other", async () => {
    const { pages, readings } = slowPages();
    const same = [pages.read("j", 0, neverAborts), pages.read("j", 0, neverAborts)];
    const others = [pages.read("j", 1, neverAborts), pages.read("k", 0, neverAborts)];
    assert.equal(readings.length, 3);
    for (const reading of readings) reading.answer([event]);
    for (const page of await Promise.all([...same, ...others]))
      assert.deepEqual(page, { events: [event], isLast: false });
    void pages.read("j", 0, neverAborts);
    assert.equal(readings.length, 4, "a page is kept that nobody waits for");
  });

  it("read anew once the job has changed, since what is being read may be from before", async () => {
    const { pages, readings } = slowPages();
    const before = pages.read("j", 1, neverAborts);
    pages.changed("j");
    const after = [pages.read("j", 1, neverAborts), pages.read("j", 1, neverAborts)];
    assert.equal(readings.length, 2);
    readings[0]?.answer([]);
    assert.deepEqual(await before, { events: [], isLast: false });
    const third = pages.read("j", 1, neverAborts); // the end of the first read is not that of the second
    assert.equal(readings.length, 2);
    readings[1]?.answer([{ ...event, sequence: 2 }]);
    for (const page of await Promise.all([...after, third])) assert.equal(page.events.length, 1);
  });

  it("fail for all that wait, and go on for those that ask again, or did not leave", async () => {
    const { pages, readings } = slowPages();
    const failing = [pages.read("j", 0, neverAborts), pages.read("j", 0, neverAborts)];
    readings[0]?.fail(new ClusterError("unavailable", "away"));
    for (const page of failing) await assert.rejects(page, /away/);
    const leaves = new AbortController();
    const left = pages.read("j", 0, leaves.signal);
    const stays = pages.read("j", 0, neverAborts);
    leaves.abort(new Error("left"));
    await assert.rejects(left, /left/);
    readings[1]?.answer([event]);
    assert.equal((await stays).events.length, 1);
  });

  it("end with what the record says when the last event of a job that ended is damaged", async () => {
    const ended: Job = { ...job, state: { kind: "cancelled" }, lastSequence: 3, finishedAt: 7 };
    const { pages, readings } = slowPages(ended);
    const last = pages.read("j", 2, neverAborts);
    readings[0]?.answer([]);
    await settled();
    readings[1]?.answer([]); // asked again: it may have been written since
    assert.deepEqual(await last, { events: [eventOf(ended, 7)], isLast: true });
  });

  it("read again what a job that ended meanwhile has written since", async () => {
    const ended: Job = { ...job, state: { kind: "cancelled" }, lastSequence: 2, finishedAt: 7 };
    const { pages, readings } = slowPages(ended);
    const last = pages.read("j", 1, neverAborts);
    readings[0]?.answer([]);
    await settled();
    const written = { ...eventOf(ended, 7), message: "as it was stored" };
    readings[1]?.answer([written]);
    assert.deepEqual(await last, { events: [written], isLast: true });
  });
});

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
