/** One line of a benchmark: a ratio of two things measured side by side, never a lone time. */
export interface BenchResult {
  readonly bench: string;
  /** What was measured, where there is a choice, such as {"store": "embedded"}. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Median of the repeats. */
  readonly ratio: number;
  readonly min: number;
  readonly max: number;
  /** The ratio to reach; null where it is only reported. */
  readonly goal: number | null;
  /** Whether lower or higher is better. */
  readonly better: "lower" | "higher";
  /** What the ratio is of, and what limits it. */
  readonly what: string;
  /** Figures behind the ratio, with units in their names. */
  readonly figures: Readonly<Record<string, number>>;
}

/** Median, least and greatest of some ratios. */
export function spread(ratios: readonly number[]): Pick<BenchResult, "ratio" | "min" | "max"> {
  const sorted = ratios.toSorted((a, b) => a - b);
  return { ratio: median(sorted), min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** Whether the goal is reached. */
export function isOk({ ratio, goal, better }: BenchResult): boolean {
  if (goal === null) return Number.isFinite(ratio);
  return better === "lower" ? ratio <= goal : ratio >= goal;
}

/** A line of JSON. */
export function jsonLine(result: BenchResult): string {
  const { figures, labels, ...rest } = result;
  return JSON.stringify({ ...rest, ...labels, ok: isOk(result), ...figures }, (_, value: unknown) =>
    typeof value === "number" ? Number(value.toPrecision(6)) : value,
  );
}

/** Lines for people. */
export function textLines(result: BenchResult): string {
  const { bench, labels = {}, ratio, min, max, goal, better, what, figures } = result;
  const name = [bench, ...Object.values(labels)].join(" ");
  const aim = goal === null ? "reported" : `goal ${better === "lower" ? "<=" : ">="} ${goal}`;
  const verdict = goal === null ? "" : isOk(result) ? "  ok" : "  MISSED";
  const head = `${name.padEnd(24)} ${ratio.toFixed(3)}  (${min.toFixed(3)} to ${max.toFixed(3)}, ${aim})${verdict}`;
  const rows = Object.entries(figures).map(
    ([name, value]) => `    ${name.padEnd(36)} ${Number(value.toPrecision(5)).toLocaleString("en")}`,
  );
  return [head, `    ${what}`, ...rows].join("\n");
}
