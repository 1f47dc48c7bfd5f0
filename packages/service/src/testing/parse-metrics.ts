/** One line of a scrape. */
export interface Sample {
  /** As it is exposed: with _bucket, _sum or _count for histograms. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric of a scrape. */
export interface MetricFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
  /** Names that occur in its samples, sorted; without a histogram's own "le". */
  readonly labels: readonly string[];
}

const PART = /_(?:bucket|sum|count)$/;

/** Reads what /metrics serves, in Prometheus' text format as prom-client writes it. By name of the metric. */
export function parseMetrics(page: string): ReadonlyMap<string, MetricFamily> {
  const heads = new Map<string, { help: string; type: string; samples: Sample[] }>();
  const head = (name: string) => {
    const known = heads.get(name) ?? { help: "", type: "", samples: [] };
    heads.set(name, known);
    return known;
  };
  for (const line of page.split("\n")) {
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind === "HELP") head(name).help = rest;
    else if (kind === "TYPE") head(name).type = rest;
    else if (line !== "" && !line.startsWith("#")) {
      const sample = parseSample(line);
      const family = heads.has(sample.name) ? sample.name : sample.name.replace(PART, "");
      head(family).samples.push(sample);
    }
  }
  return new Map([...heads].map(([name, family]) => [name, { name, ...family, labels: labelsOf(family) }]));
}

function parseSample(line: string): Sample {
  const match = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
  if (match === null) throw new Error(`not a sample: ${line}`);
  const [, name = "", inner = "", value = ""] = match;
  const labels: Record<string, string> = {};
  for (const [, label = "", text = ""] of inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g))
    labels[label] = text.replace(/\\(.)/g, (_all, letter) => (letter === "n" ? "\n" : letter));
  return { name, labels, value: value === "+Inf" ? Number.POSITIVE_INFINITY : Number(value) };
}

function labelsOf({ type, samples }: { readonly type: string; readonly samples: readonly Sample[] }) {
  const names = new Set(samples.flatMap(({ labels }) => Object.keys(labels)));
  if (type === "histogram") names.delete("le");
  return [...names].sort();
}
