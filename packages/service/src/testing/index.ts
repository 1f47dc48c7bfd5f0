export { documentedMetrics, exposedMetrics } from "./metric-list.js";
export { type MetricFamily, parseMetrics, type Sample } from "./parse-metrics.js";
