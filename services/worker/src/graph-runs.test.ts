import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import { GraphRuns } from "./graph-runs.js";

const PATIENCE_MS = 150_000;

function setUp() {
  const clock = new ManualClock();
  return { clock, runs: new GraphRuns(() => clock.now()), caller: new AbortController() };
}

describe("the runs of graphs", () => {
  it("are counted from the start of the oldest, until it is done or has failed", async () => {
    const { clock, runs } = setUp();
    assert.equal(runs.seconds, 0);
    runs.begun(clock.sleep(3000, neverAborts), neverAborts);
    await clock.advance(1000);
    runs.begun(
      clock.sleep(4000, neverAborts).then(() => Promise.reject(new Error("bad"))),
      neverAborts,
    );
    await clock.advance(1000);
    assert.equal(runs.seconds, 2);
    await clock.advance(1000);
    assert.equal(runs.seconds, 2);
    await clock.advance(2000);
    assert.equal(runs.seconds, 0);
  });

  it("go on when they are given up, and hang when they do not end in time after that", async () => {
    const { clock, runs, caller } = setUp();
    runs.begun(new Promise(() => {}), caller.signal);
    await clock.advance(1_000_000);
    assert.equal(runs.hang(PATIENCE_MS), undefined, "somebody waits");
    caller.abort();
    await clock.advance(149_000);
    assert.equal(runs.hang(PATIENCE_MS), undefined);
    assert.equal(runs.seconds, 1149);
    await clock.advance(1_000);
    assert.match(
      runs.hang(PATIENCE_MS) ?? "",
      /a graph has run for 1150\.0 s, for the last 150\.0 s of which nobody has waited/,
    );
  });

  it("do not hang when they end late, or when the next one takes the device at once", async () => {
    const { clock, runs, caller } = setUp();
    runs.begun(clock.sleep(149_000, neverAborts), caller.signal);
    caller.abort();
    await clock.advance(149_000);
    runs.begun(new Promise(() => {}), neverAborts);
    await clock.advance(1_000_000);
    assert.equal(runs.hang(PATIENCE_MS), undefined);
  });

  it("may take as long as the longest did, several times over, where steps take minutes", async () => {
    const { clock, runs, caller } = setUp();
    runs.begun(clock.sleep(100_000, neverAborts), neverAborts);
    await clock.advance(100_000);
    caller.abort();
    runs.begun(new Promise(() => {}), caller.signal);
    await clock.advance(499_000);
    assert.equal(runs.hang(PATIENCE_MS), undefined);
    await clock.advance(1_000);
    assert.match(runs.hang(PATIENCE_MS) ?? "", /for 500\.0 s/);
  });
});
