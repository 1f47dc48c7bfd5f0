import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

type Labels = Readonly<Record<string, string>>;

const GPU: Labels = {
  gpu: "0",
  UUID: "GPU-0",
  Hostname: "node-1",
  namespace: "video",
  pod: "cogfleet-worker-0",
  container: "worker",
};
// As Prometheus renames what the exporter says where it has labels of its own.
const EXPORTED = {
  ...GPU,
  gpu: "1",
  exported_namespace: "video",
  exported_pod: "cogfleet-worker-1",
  pod: "dcgm",
};
const HPA: Labels = { namespace: "video", horizontalpodautoscaler: "keda-hpa-cogfleet-worker" };

/**
 * Metrics of others that the dashboards may use: of the DCGM exporter, those in its default-counters.csv; of
 * kube-state-metrics, those of HorizontalPodAutoscalers. With the labels that they have in a cluster.
 */
const OUTSIDE = new Map<string, readonly Labels[]>([
  ...[
    "DCGM_FI_DEV_GPU_UTIL",
    "DCGM_FI_DEV_FB_USED",
    "DCGM_FI_DEV_FB_FREE",
    "DCGM_FI_DEV_GPU_TEMP",
    "DCGM_FI_DEV_POWER_USAGE",
    "DCGM_FI_DEV_XID_ERRORS",
    "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS",
    "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
  ].map((name) => [name, [GPU, EXPORTED]] as const),
  ...["status_desired_replicas", "status_current_replicas", "spec_max_replicas"].map(
    (name) => [`kube_horizontalpodautoscaler_${name}`, [HPA]] as const,
  ),
]);

export const outsideMetrics = {
  names: (): readonly string[] => [...OUTSIDE.keys()],
  labelsOf: (name: string): readonly Labels[] => OUTSIDE.get(name) ?? [],
};

/** Serves each of them with the value 1: stands in for the exporters, of which there are none without a cluster and a GPU. */
export async function startOutsideExporter(): Promise<{ readonly port: number; end(): Promise<void> }> {
  const page = [...OUTSIDE]
    .flatMap(([name, series]) => series.map((labels) => `${name}{${text(labels)}} 1\n`))
    .join("");
  const server = createServer((_request, response) => response.end(page)).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async end() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function text(labels: Labels): string {
  return Object.entries(labels)
    .map(([label, value]) => `${label}="${value}"`)
    .join(",");
}
