import type { Moves } from "./moves.js";
import { readPromql, selects } from "./promql.js";

type Labels = Readonly<Record<string, string>>;

/** Which Prometheus adds to every series of a scrape. */
const OF_SCRAPE: ReadonlySet<string> = new Set(["namespace", "job", "instance"]);

/**
 * What an expression names and no scrape has shown: metrics, labels, values that it asks for.
 * @param recorded names of recorded series, which no scrape shows
 */
export function missingIn(
  expr: string,
  scrapes: readonly Pick<Moves, "labelsOf">[],
  recorded: ReadonlySet<string> = new Set(),
): string[] {
  const { selectors, groupings } = readPromql(expr);
  const labels = new Set(OF_SCRAPE);
  const missing: string[] = [];
  for (const { name, matchers } of selectors) {
    if (recorded.has(name)) continue;
    const series: readonly Labels[] = scrapes.flatMap((scrape) => scrape.labelsOf(name));
    for (const one of series) for (const label of Object.keys(one)) labels.add(label);
    const own = matchers.filter(({ label }) => !OF_SCRAPE.has(label));
    if (!series.some((one) => own.every((matcher) => selects(matcher, one[matcher.label]))))
      missing.push(`no series ${name} with ${JSON.stringify(own)}`);
    for (const { label } of own)
      if (!series.some((one) => label in one)) missing.push(`no label ${label} of ${name}`);
  }
  for (const label of groupings) if (!labels.has(label)) missing.push(`no label ${label} to group by`);
  return missing;
}
