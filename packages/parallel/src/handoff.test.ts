import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import { Handoff } from "./handoff.js";

describe("a handoff", () => {
  it("gives what was put, in order, to one who waits", async () => {
    const handoff = new Handoff<number>(1);
    const taken: number[] = [];
    const taking = (async () => {
      for (let i = 0; i < 5; i++) taken.push(await handoff.take(neverAborts));
    })();
    for (let i = 0; i < 5; i++) await handoff.put(i, neverAborts);
    await taking;
    assert.deepEqual(taken, [0, 1, 2, 3, 4]);
  });

  it("lets a put wait until there is room", async () => {
    const handoff = new Handoff<string>(1);
    await handoff.put("first", neverAborts);
    let isPut = false;
    const putting = handoff.put("second", neverAborts).then(() => {
      isPut = true;
    });
    await Promise.resolve();
    assert.equal(isPut, false);
    assert.equal(await handoff.take(neverAborts), "first");
    await putting;
    assert.equal(await handoff.take(neverAborts), "second");
  });

  it("lets a push never wait", async () => {
    const handoff = new Handoff<string>(1);
    handoff.push("first");
    handoff.push("second");
    assert.equal(await handoff.take(neverAborts), "first");
  });

  it("stops waiting with the signal's reason", async () => {
    const handoff = new Handoff<string>(1);
    const stop = new AbortController();
    const taking = handoff.take(stop.signal);
    stop.abort(new Error("enough"));
    await assert.rejects(taking, { message: "enough" });
    await handoff.put("kept", neverAborts);
    const putting = handoff.put("too much", stop.signal);
    await assert.rejects(putting, { message: "enough" });
  });
});
