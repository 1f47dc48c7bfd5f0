import {
  CustomVariableBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  VariableHide,
  VariableRefresh,
  VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import type { Dashboard } from "./dashboard.js";
import { OF_MODEL, series } from "./queries.js";

export const DATASOURCE = { type: "prometheus", uid: "$datasource" };
/** Chosen at first, and when the choice is cleared; also fits series without the label, as outside of Kubernetes. */
const ALL = { text: "All", value: "$__all", selected: true };

type Variables = ReturnType<typeof chosenFrom> | DatasourceVariableBuilder | CustomVariableBuilder;

/**
 * Data source, namespace, release (Prometheus' job), model; and the autoscaler's target where it is used. All dashboards
 * have the same ones, so that a link keeps the choice; one that no panel uses is there and does not show.
 */
export function variablesOf({ sections, hasDrainTarget = false }: Dashboard): readonly Variables[] {
  const exprs = sections.flatMap(({ panels }) => panels.flatMap(({ queries }) => queries));
  const isModelUsed = exprs.some(({ expr }) => expr.includes(OF_MODEL));
  return [
    new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"),
    chosenFrom("namespace", "label_values(cogfleet_build_info, namespace)").label("Namespace"),
    chosenFrom("release", `label_values(cogfleet_build_info{namespace=~"$namespace"}, job)`).label("Release"),
    chosenFrom("model", `label_values(${series("cogfleet_jobs_submitted_total")}, model)`)
      .label("Model")
      .hide(isModelUsed ? VariableHide.DontHide : VariableHide.HideVariable),
    ...(hasDrainTarget ? [drainTarget()] : []),
  ];
}

function chosenFrom(name: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .datasource(DATASOURCE)
    .query({ query, refId: name })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue(".*")
    .current(ALL);
}

/** As `targetDrainSeconds` of the chart, which the dashboard cannot know: 600 there. */
function drainTarget(): CustomVariableBuilder {
  return new CustomVariableBuilder("drain_seconds")
    .label("Drain target, s")
    .description("targetDrainSeconds of the chart's worker.autoscaling")
    .values("600,60,120,300,900,1800,3600")
    .current({ text: "600", value: "600", selected: true });
}
