import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  RowBuilder,
} from "@grafana/grafana-foundation-sdk/dashboard";
import type { Dashboard } from "./dashboards/dashboard.js";
import { JOBS } from "./dashboards/jobs.js";
import { grafanaPanel } from "./dashboards/panels.js";
import { PLATFORM } from "./dashboards/platform.js";
import { QUEUE } from "./dashboards/queue.js";
import { STEPS } from "./dashboards/steps.js";
import { variablesOf } from "./dashboards/variables.js";
import { WORKERS } from "./dashboards/workers.js";

export const DASHBOARDS: readonly Dashboard[] = [JOBS, STEPS, WORKERS, QUEUE, PLATFORM];

const TAG = "cogfleet";

/** Where the dashboards stand in this repository, and what is in them: the chart ships them, and Grafana imports them. */
export function renderedDashboards(): readonly (readonly [path: string, text: string])[] {
  return DASHBOARDS.map((dashboard) => [
    `deploy/k8s/files/dashboards/${dashboard.uid.replace("cogfleet-", "")}.json`,
    `${JSON.stringify(grafanaDashboard(dashboard), undefined, 2)}\n`,
  ]);
}

function grafanaDashboard(dashboard: Dashboard): object {
  const { uid, title, description, sections } = dashboard;
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([TAG])
    .time({ from: "now-1h", to: "now" })
    .refresh("30s")
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      new DashboardLinkBuilder("Cogfleet")
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    );
  for (const variable of variablesOf(dashboard)) builder.withVariable(variable);
  let id = 0;
  for (const section of sections) {
    id += 1;
    builder.withRow(new RowBuilder(section.title).id(id));
    for (const panel of section.panels) {
      id += 1;
      builder.withPanel(grafanaPanel(panel, id));
    }
  }
  return builder.build();
}
