import { collectDefaultMetrics, Gauge, Registry } from "prom-client";

// Refused by `promtool check metrics`: gauges whose names end in _total.
const REFUSED = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
];

/** A registry with Node's own metrics and cogfleet_build_info; the service adds its metrics to it. */
export function createRegistry(build: { readonly service: string; readonly version: string }): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of REFUSED) registry.removeSingleMetric(name);
  new Gauge({
    name: "cogfleet_build_info",
    help: "Always 1; the labels say which service and release this is.",
    labelNames: ["service", "version", "node"] as const,
    registers: [registry],
  }).set({ service: build.service, version: build.version, node: process.versions.node }, 1);
  return registry;
}
