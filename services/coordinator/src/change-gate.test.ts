import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import { ChangeGate } from "./change-gate.js";

describe("ChangeGate", () => {
  it("lets a waiter pass that came before or after the opening", async () => {
    const gate = new ChangeGate();
    const early = gate.opened(neverAborts);
    gate.open();
    await early;
    await gate.opened(neverAborts);
    gate.close();
    const stop = new AbortController();
    const late = gate.opened(stop.signal);
    stop.abort(new Error("still closed"));
    await assert.rejects(late, /still closed/);
  });
});
