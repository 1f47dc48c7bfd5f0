import { DASHBOARDS, renderedDashboards } from "@cogfleet/monitoring";

/** What Grafana puts in the place of a dashboard's variables. */
interface Filling {
  readonly namespace: string;
  readonly release: string;
  readonly model: string;
  readonly rateInterval: string;
  readonly range: string;
}

export const ALL_OF_A_MINUTE: Filling = {
  namespace: ".*",
  release: ".*",
  model: ".*",
  rateInterval: "1m",
  range: "1m",
};

/** A query of a panel, as Grafana would send it. */
export interface PanelQuery {
  /** Dashboard, panel and legend, for messages. */
  readonly name: string;
  readonly expr: string;
  readonly legend: string;
}

/** All queries of all panels. */
export function panelQueries(filling: Filling): readonly PanelQuery[] {
  return DASHBOARDS.flatMap(({ uid, sections }) =>
    sections.flatMap(({ panels }) =>
      panels.flatMap(({ title, queries }) =>
        queries.map(({ expr, legend }) => ({
          name: `${uid}: ${title}: ${legend}`,
          expr: filledIn(expr, filling),
          legend,
        })),
      ),
    ),
  );
}

/** What the variables offer: `label_values(series, label)`, read from what Grafana is given. */
export function variableQueries(
  filling: Filling,
): readonly { readonly expr: string; readonly label: string }[] {
  const texts = renderedDashboards().map(([, text]) => text.replaceAll('\\"', '"'));
  const found = texts.flatMap((text) => [...text.matchAll(/"definition": "label_values\((.*), (\w+)\)"/g)]);
  return found.map(([, expr = "", label = ""]) => ({ expr: filledIn(expr, filling), label }));
}

function filledIn(expr: string, filling: Filling): string {
  const values: Readonly<Record<string, string>> = {
    namespace: filling.namespace,
    release: filling.release,
    model: filling.model,
    __rate_interval: filling.rateInterval,
    __range: filling.range,
    drain_seconds: "600",
  };
  return expr.replace(/\$(\w+)/g, (all, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`${all} is no variable of the dashboards: ${expr}`);
    return value;
  });
}
