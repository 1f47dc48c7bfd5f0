// The shapes of Prometheus' rule files, as far as we use them.

/** What somebody is told, and when: `critical` wakes a person, `warning` waits for the morning. */
export interface Alert {
  readonly alert: string;
  readonly severity: "critical" | "warning";
  /** PromQL; fires for every series that it returns. */
  readonly expr: string;
  /** How long the expression must hold without a break, such as "5m"; undefined: at once. */
  readonly for?: string;
  /** One line, with {{ $labels.x }} and {{ $value }} as Prometheus fills them in. */
  readonly summary: string;
  /** What it means for users, and what is likely. */
  readonly description: string;
}

/** An expression that several alerts and panels use, evaluated once. */
export interface Recording {
  /** level:metric:operations, as Prometheus' own practice names them. */
  readonly record: string;
  readonly expr: string;
}

export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly (Alert | Recording)[];
}

export function isAlert(rule: Alert | Recording): rule is Alert {
  return "alert" in rule;
}
