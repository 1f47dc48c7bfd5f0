// PromQL for the fleets that the dashboard's variables choose. Metrics are read as they are served, not as the recording
// rules have them: a dashboard shows something where no rules are installed.

const CHOSEN = `namespace=~"$namespace", job=~"$release"`;
export const OF_MODEL = `model=~"$model"`;

/** All series of a metric, of every process of the fleets. */
export function series(metric: string, matchers = ""): string {
  return `${metric}{${CHOSEN}${matchers === "" ? "" : `, ${matchers}`}}`;
}

/** Of a counter, or of a histogram's parts, a second. */
export function rate(metric: string, matchers = ""): string {
  return `rate(${series(metric, matchers)}[$__rate_interval])`;
}

/** Of a counter, in all of the time shown. */
export function inRange(metric: string, matchers = ""): string {
  return `increase(${series(metric, matchers)}[$__range])`;
}

export function sum(expr: string, by = ""): string {
  return by === "" ? `sum(${expr})` : `sum by (${by}) (${expr})`;
}

/**
 * A gauge that every coordinator of a fleet shows alike, as they share the store: their largest figure is the fleet's,
 * and fleets add up.
 */
export function shared(metric: string, by = "", matchers = ""): string {
  const labels = ["namespace", "job", ...(by === "" ? [] : [by])].join(", ");
  return sum(`max by (${labels}) (${series(metric, matchers)})`, by);
}

/** Of a histogram, over the rate interval. */
export function quantile(q: number, metric: string, by = ""): string {
  const labels = by === "" ? "le" : `${by}, le`;
  return `histogram_quantile(${q}, ${sum(rate(`${metric}_bucket`), labels)})`;
}

/** Of a histogram: its sum by its count. Not cut off at the last bucket, as quantiles are. */
export function mean(metric: string, by = ""): string {
  return `${sum(rate(`${metric}_sum`), by)} / (${sum(rate(`${metric}_count`), by)} > 0)`;
}

/** A line at 0 called "none" while nothing has been counted under any value of the label: an empty panel would look broken. */
export function orNone(expr: string, label: string): string {
  return `${expr} or on () label_replace(vector(0), "${label}", "none", "", "")`;
}

/** Workers that are connected and take jobs; a worker is connected to one coordinator. */
export const READY_WORKERS = sum(series("cogfleet_workers", `state=~"idle|busy"`));
