import { RULE_GROUPS } from "./rule-groups.js";
import { type Alert, isAlert, type Recording, type RuleGroup } from "./rules.js";
import { toYaml, type Yaml } from "./yaml.js";

export const RUNBOOKS = "https://github.com/cogfleet/cogfleet/blob/main/docs/runbooks";
const NOTICE = "# Made by scripts/render-rules.mjs from packages/monitoring. Do not edit.\n";

/** Where the rules stand in this repository, and what is in them: for Prometheus, its operator, and the chart. */
export function renderedRules(runbooks = RUNBOOKS): readonly (readonly [path: string, text: string])[] {
  return [
    ["deploy/prometheus/cogfleet.rules.yaml", ruleFile(RULE_GROUPS, runbooks)],
    ["deploy/prometheus/prometheusrule.yaml", prometheusRule(RULE_GROUPS, runbooks)],
    ["deploy/k8s/files/rules.yaml", ruleFile(RULE_GROUPS, runbooks)],
  ];
}

/** A rule file as Prometheus reads it: also the `spec` of a PrometheusRule. */
export function ruleFile(groups: readonly RuleGroup[], runbooks = RUNBOOKS): string {
  return NOTICE + toYaml(spec(groups, runbooks));
}

/** The same as a manifest for the Prometheus operator, for those who do not install the chart. */
function prometheusRule(groups: readonly RuleGroup[], runbooks: string): string {
  return (
    NOTICE +
    toYaml({
      apiVersion: "monitoring.coreos.com/v1",
      kind: "PrometheusRule",
      metadata: { name: "cogfleet", labels: { "app.kubernetes.io/name": "cogfleet" } },
      spec: spec(groups, runbooks),
    })
  );
}

function spec(groups: readonly RuleGroup[], runbooks: string): Yaml {
  return {
    groups: groups.map(({ name, rules }) => ({ name, rules: rules.map((rule) => ruleOf(rule, runbooks)) })),
  };
}

function ruleOf(rule: Alert | Recording, runbooks: string): Yaml {
  if (!isAlert(rule)) return { record: rule.record, expr: rule.expr };
  const { alert, severity, expr, for: duration, summary, description } = rule;
  return {
    alert,
    expr,
    ...(duration === undefined ? {} : { for: duration }),
    labels: { severity },
    annotations: { summary, description, runbook_url: `${runbooks}/${alert}.md` },
  };
}
