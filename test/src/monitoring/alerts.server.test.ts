// Needs promtool: every alert fires when it should, with the words that it should, and does not when it should not.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { findTool, inRepository } from "../clients/tool.js";
import { ALERTS, promtoolTest } from "./alert-case.js";
import { ALERT_CASES } from "./alert-cases.js";

const RULES = inRepository("deploy/prometheus/cogfleet.rules.yaml");

function promtool(...args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(findTool("promtool"), args, { encoding: "utf8" });
  assert.equal(status, 0, stdout + stderr);
}

describe("the rules", () => {
  const folder = mkdtempSync(join(tmpdir(), "cogfleet-rules-"));
  after(() => rmSync(folder, { recursive: true }));

  it("are what Prometheus takes", () => promtool("check", "rules", RULES));

  it("have, for every alert and severity, a case in which it fires and one in which it does not", () => {
    for (const { alert, severity } of ALERTS) {
      const cases = ALERT_CASES.filter((one) => one.alert === alert);
      const isFiring = (one: (typeof cases)[number]) =>
        one.fires.some((fired) => fired.severity === severity);
      assert.ok(cases.some(isFiring), `${alert} (${severity}) never fires`);
      assert.ok(
        cases.some((one) => one.fires.length === 0),
        `${alert} always fires`,
      );
    }
  });

  for (const one of ALERT_CASES)
    it(`${one.fires.length > 0 ? "alert of" : "are silent on"} ${one.alert} when ${one.when}`, () => {
      const file = join(folder, "case.test.yaml");
      writeFileSync(file, promtoolTest(one, RULES));
      promtool("test", "rules", file);
    });
});
