import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RULE_GROUPS } from "@cogfleet/monitoring";
import { ALL_OF_A_MINUTE, panelQueries, variableQueries } from "./dashboard-queries.js";
import { missingIn } from "./named-series.js";
import { outsideMetrics } from "./outside-metrics.js";
import { readPromql } from "./promql.js";

describe("a query", () => {
  it("is PromQL in every panel, variable and rule", () => {
    const queries = panelQueries(ALL_OF_A_MINUTE);
    assert.ok(queries.length > 80);
    const variables = variableQueries(ALL_OF_A_MINUTE);
    assert.equal(variables.length, 15);
    const rules = RULE_GROUPS.flatMap((group) => group.rules);
    for (const { expr } of [...queries, ...variables, ...rules])
      assert.notEqual(readPromql(expr).selectors.length, 0);
  });

  it("uses of other exporters what the list has, with its labels, and nothing of the list is unused", () => {
    const used = new Set<string>();
    for (const { name, expr } of panelQueries(ALL_OF_A_MINUTE)) {
      const foreign = readPromql(expr).selectors.filter((one) => /^(?:DCGM|kube)_/.test(one.name));
      if (foreign.length === 0) continue;
      assert.deepEqual(missingIn(expr, [outsideMetrics]), [], name);
      for (const one of foreign) used.add(one.name);
    }
    assert.deepEqual([...used].sort(), outsideMetrics.names().toSorted());
  });

  it("that is broken, or names what is not there, is seen", () => {
    assert.throws(() => readPromql("sum(rate(a[1m])"), /not PromQL at/);
    const scrape = { labelsOf: (name: string) => (name === "up" ? [{ state: "idle" }] : []) };
    assert.deepEqual(missingIn('sum by (state) (up{state=~"i.*"})', [scrape]), []);
    assert.deepEqual(missingIn('up{state!="idle"}', [scrape]), [
      'no series up with [{"label":"state","how":"!=","value":"idle"}]',
    ]);
    assert.deepEqual(missingIn('sum by (color) (up{shape!="x"})', [scrape]), [
      "no label shape of up",
      "no label color to group by",
    ]);
    assert.deepEqual(missingIn("down", [scrape]), ["no series down with []"]);
  });
});
