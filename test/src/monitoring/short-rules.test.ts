import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { shortRules } from "./short-rules.js";

describe("rules on a faster clock", () => {
  it("have shorter windows, times to hold and limits in seconds, and are else the same", () => {
    const rest = { alert: "A", severity: "warning", summary: "s", description: "d" } as const;
    const expr = "max(cogfleet_x_seconds) > 900 and a:b_seconds:max < 60 and sum(increase(c[15m])) > 10";
    const [group] = shortRules([{ name: "g", rules: [{ ...rest, expr, for: "2m" }] }], 60);
    const short = "max(cogfleet_x_seconds) > 15 and a:b_seconds:max < 1 and sum(increase(c[15000ms])) > 10";
    assert.deepEqual(group, { name: "g", rules: [{ ...rest, expr: short, for: "2000ms" }] });
  });
});
