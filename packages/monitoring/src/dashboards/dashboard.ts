// What a dashboard says, apart from how Grafana writes it down.

/** A line, a number or a heat map's rows: one PromQL expression. */
export interface Query {
  /** With `$namespace`, `$release`, `$model`, `$__rate_interval` and `$__range` as Grafana fills them in. */
  readonly expr: string;
  /** Name of each series, with {{label}} for its labels: words, never ids. */
  readonly legend: string;
}

export interface Panel {
  /** `stat`: the last value, large; `lines`: over time; `areas`: lines on top of each other; `heat`: buckets over time. */
  readonly kind: "stat" | "lines" | "areas" | "heat";
  readonly title: string;
  /** What it shows, and what to make of it. */
  readonly description: string;
  /** As Grafana names units: "s", "bytes", "percentunit", "suffix: jobs". */
  readonly unit: string;
  readonly queries: readonly Query[];
  /** Where it stops being good, if there is such a value: beyond it the panel is red. */
  readonly good?: { readonly atMost: number } | { readonly atLeast: number };
  /** Shown where there is no value; "no data" if undefined. */
  readonly noValue?: string;
}

/** Panels under a heading; each row of the screen takes six of `stat`, or two of the others. */
export interface Section {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Dashboard {
  /** Stable: links, bookmarks and playlists hold it. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** Whether queries use `$drain_seconds`: the autoscaler's target. */
  readonly hasDrainTarget?: boolean;
  readonly sections: readonly Section[];
}
