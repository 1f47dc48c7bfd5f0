import { type Alert, isAlert, RULE_GROUPS, RUNBOOKS } from "@cogfleet/monitoring";

/** A history of metrics, and what is alerted at a moment of it. */
export interface AlertCase {
  readonly alert: string;
  /** What is the case, as a sentence that goes on from "when". */
  readonly when: string;
  /** By series; values in promtool's notation, one a minute: "0+60x30". Namespace and job are added. */
  readonly series: Readonly<Record<string, string>>;
  /** The moment, from the start. */
  readonly at: string;
  /** What fires then: nothing, or these. */
  readonly fires: readonly Fired[];
}

export interface Fired {
  readonly severity: Alert["severity"];
  /** Besides severity; undefined: the fleet's. */
  readonly labels?: Readonly<Record<string, string>>;
  /** What {{ $value }} is shown as. */
  readonly shown: string;
}

export const FLEET_LABELS = { namespace: "video", job: "cogfleet" };

/** All alerts of the rules. */
export const ALERTS: readonly Alert[] = RULE_GROUPS.flatMap(({ rules }) => rules.filter(isAlert));

/** The case as a test file of `promtool test rules`: JSON is YAML. */
export function promtoolTest({ alert, series, at, fires }: AlertCase, ruleFile: string): string {
  return JSON.stringify({
    rule_files: [ruleFile],
    evaluation_interval: "1m",
    tests: [
      {
        interval: "1m",
        input_series: Object.entries(series).map(([name, values]) => ({ series: placed(name), values })),
        alert_rule_test: [
          { eval_time: at, alertname: alert, exp_alerts: fires.map((fired) => expected(alert, fired)) },
        ],
      },
    ],
  });
}

function placed(series: string): string {
  const target = Object.entries(FLEET_LABELS)
    .map(([name, value]) => `${name}="${value}"`)
    .join(", ");
  return series.includes("{") ? series.replace("{", `{${target}, `) : `${series}{${target}}`;
}

function expected(alert: string, { severity, labels = FLEET_LABELS, shown }: Fired) {
  const rule = ALERTS.find((one) => one.alert === alert && one.severity === severity);
  if (rule === undefined) throw new Error(`there is no alert ${alert} of severity ${severity}`);
  const filled = (text: string): string =>
    text
      .replace(/\{\{ \$value[^}]*\}\}/g, shown)
      .replace(/\{\{ \$labels\.(\w+) \}\}/g, (_all, name) => (labels as Record<string, string>)[name] ?? "");
  return {
    exp_labels: { ...labels, severity },
    exp_annotations: {
      summary: filled(rule.summary),
      description: rule.description,
      runbook_url: `${RUNBOOKS}/${alert}.md`,
    },
  };
}
