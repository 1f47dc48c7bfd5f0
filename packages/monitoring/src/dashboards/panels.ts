import {
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import {
  type Panel as GrafanaPanel,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from "@grafana/grafana-foundation-sdk/dashboard";
import {
  PanelBuilder as HeatmapBuilder,
  HeatmapColorMode,
  HeatmapColorOptionsBuilder,
  YAxisConfigBuilder,
} from "@grafana/grafana-foundation-sdk/heatmap";
import { DataqueryBuilder, PromQueryFormat } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TimeseriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import type { Panel } from "./dashboard.js";
import { DATASOURCE } from "./variables.js";

/** Of 24 columns; rows of the grid are 30 px high. */
const STAT_SIZE = { width: 4, height: 4 };
const GRAPH_SIZE = { width: 12, height: 8 };

interface Builder {
  build(): GrafanaPanel;
}

/** As Grafana writes it down; where it stands is the dashboard's matter. */
export function grafanaPanel(panel: Panel, id: number): Builder {
  switch (panel.kind) {
    case "stat":
      return common(new StatBuilder(), panel, id, STAT_SIZE).reduceOptions(
        new ReduceDataOptionsBuilder().calcs(["lastNotNull"]),
      );
    case "lines":
      return withLegend(common(new TimeseriesBuilder(), panel, id, GRAPH_SIZE), panel).fillOpacity(0);
    case "areas":
      return withLegend(common(new TimeseriesBuilder(), panel, id, GRAPH_SIZE), panel)
        .fillOpacity(30)
        .stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
    case "heat":
      return common(new HeatmapBuilder(), panel, id, GRAPH_SIZE)
        .yAxis(new YAxisConfigBuilder().unit(panel.unit))
        .color(new HeatmapColorOptionsBuilder().mode(HeatmapColorMode.Scheme).scheme("Blues").steps(64))
        .showLegend();
  }
}

function withLegend(builder: TimeseriesBuilder, { good }: Panel): TimeseriesBuilder {
  const legend = new VizLegendOptionsBuilder()
    .showLegend(true)
    .displayMode(LegendDisplayMode.List)
    .placement(LegendPlacement.Bottom);
  const limit = good === undefined ? GraphThresholdsStyleMode.Off : GraphThresholdsStyleMode.Dashed;
  return builder
    .legend(legend)
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi))
    .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(limit))
    .axisSoftMin(0);
}

function common<B extends StatBuilder | TimeseriesBuilder | HeatmapBuilder>(
  builder: B,
  panel: Panel,
  id: number,
  size: { readonly width: number; readonly height: number },
): B {
  const { title, description, unit, noValue = "no data" } = panel;
  builder
    .id(id)
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .unit(unit)
    .noValue(noValue)
    .span(size.width)
    .height(size.height)
    .thresholds(thresholds(panel))
    .targets(targets(panel));
  return builder;
}

function targets({ kind, queries }: Panel): DataqueryBuilder[] {
  return queries.map(({ expr, legend }, index) =>
    new DataqueryBuilder()
      .refId(String.fromCharCode("A".charCodeAt(0) + index))
      .datasource(DATASOURCE)
      .expr(expr)
      .legendFormat(legend)
      .format(kind === "heat" ? PromQueryFormat.Heatmap : PromQueryFormat.TimeSeries)
      .range(),
  );
}

function thresholds({ good }: Panel): ThresholdsConfigBuilder {
  const builder = new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute);
  if (good === undefined) return builder.steps([{ value: null, color: "text" }]);
  if ("atLeast" in good)
    return builder.steps([
      { value: null, color: "red" },
      { value: good.atLeast, color: "green" },
    ]);
  // A color holds from its value on: the last good one is still green.
  const beyond = good.atMost + 1e-9;
  return builder.steps([
    { value: null, color: "green" },
    { value: beyond, color: "red" },
  ]);
}
