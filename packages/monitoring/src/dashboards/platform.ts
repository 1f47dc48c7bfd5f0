import type { Dashboard, Section } from "./dashboard.js";
import { orNone, quantile, rate, series, sum } from "./queries.js";

const CALLS = "cogfleet_grpc_server_handled_total";
const LAG = "cogfleet_event_loop_lag_seconds";

const GPU = "Hostname, gpu";
const GPU_LEGEND = "{{Hostname}} GPU {{gpu}}";

export const PLATFORM: Dashboard = {
  uid: "cogfleet-platform",
  title: "Cogfleet / Platform",
  description: "Store, leader, gRPC, processes and GPUs: what the fleet stands on.",
  sections: [
    {
      title: "Now",
      panels: [
        {
          kind: "stat",
          title: "Leaders",
          description: "Coordinators that give jobs to workers: one a fleet. See docs/runbooks/NoLeader.md.",
          unit: "suffix: leaders",
          good: { atLeast: 1 },
          queries: [{ expr: sum(series("cogfleet_leader")), legend: "leaders" }],
        },
        {
          kind: "stat",
          title: "Stores up",
          description: "Of the coordinators, those whose job store answers and takes writes.",
          unit: "percentunit",
          good: { atLeast: 1 },
          queries: [{ expr: `avg(${series("cogfleet_store_up")})`, legend: "up" }],
        },
        {
          kind: "stat",
          title: "Damaged records",
          description:
            "Records of the job store that could not be read and were set aside, since each process started.",
          unit: "suffix: records",
          good: { atMost: 0 },
          queries: [{ expr: sum(series("cogfleet_store_damaged_total")), legend: "damaged" }],
        },
        {
          kind: "stat",
          title: "Certificates end in",
          description:
            "The first of the TLS certificates in use to end. See docs/runbooks/CertificateExpiry.md.",
          unit: "s",
          good: { atLeast: 7 * 86_400 },
          noValue: "no TLS",
          queries: [
            {
              expr: `min(${series("cogfleet_certificate_expiry_timestamp_seconds")}) - time()`,
              legend: "first to end",
            },
          ],
        },
        {
          kind: "stat",
          title: "Releases",
          description: "Processes by service and release: two releases are an upgrade under way.",
          unit: "suffix: processes",
          queries: [
            {
              expr: `count by (service, version) (${series("cogfleet_build_info")})`,
              legend: "{{service}} {{version}}",
            },
          ],
        },
        {
          kind: "stat",
          title: "Event loop late by",
          description: "The slowest process, p99. See docs/runbooks/EventLoopLag.md.",
          unit: "s",
          good: { atMost: 0.5 },
          queries: [{ expr: `max(${quantile(0.99, LAG, "instance")})`, legend: "p99" }],
        },
      ],
    },
    {
      title: "Store and gRPC",
      panels: [
        {
          kind: "lines",
          title: "Store and leader",
          description:
            "Store up: 1 while the job stores of all coordinators answer and take writes. Leaders: of all fleets chosen.",
          unit: "short",
          queries: [
            { expr: `min(${series("cogfleet_store_up")})`, legend: "store up, all coordinators" },
            { expr: sum(series("cogfleet_leader")), legend: "leaders" },
          ],
        },
        {
          kind: "lines",
          title: "Failed and fenced writes",
          description:
            "Artifacts and checkpoints that could not be written, by error code, and reports refused because their epoch was over. See docs/runbooks/ArtifactWriteErrors.md and FencedWrites.md.",
          unit: "suffix: /min",
          queries: [
            {
              expr: `60 * ${sum(rate("cogfleet_artifact_write_errors_total"), "reason")}`,
              legend: "not written: {{reason}}",
            },
            { expr: `60 * ${sum(rate("cogfleet_fenced_writes_total"))}`, legend: "fenced" },
          ],
        },
        {
          kind: "areas",
          title: "Calls",
          description: "gRPC calls that ended, by method. Streams count when they end.",
          unit: "reqps",
          queries: [{ expr: sum(rate(CALLS), "method"), legend: "{{method}}" }],
        },
        {
          kind: "lines",
          title: "Calls that failed",
          description:
            "gRPC calls that ended with another code than OK, by code. CANCELLED: the client went away.",
          unit: "reqps",
          queries: [{ expr: orNone(sum(rate(CALLS, `code!="OK"`), "code"), "code"), legend: "{{code}}" }],
        },
      ],
    },
    {
      title: "Processes",
      panels: [
        {
          kind: "lines",
          title: "Event loop lag",
          description: "Worst lateness in each second, p99 over the rate interval; the ten latest processes.",
          unit: "s",
          good: { atMost: 0.5 },
          queries: [{ expr: `topk(10, ${quantile(0.99, LAG, "instance")})`, legend: "{{instance}}" }],
        },
        {
          kind: "lines",
          title: "CPU",
          description: "Cores that a process keeps busy; the ten busiest.",
          unit: "suffix: cores",
          queries: [
            {
              expr: `topk(10, ${sum(rate("process_cpu_seconds_total"), "instance")})`,
              legend: "{{instance}}",
            },
          ],
        },
        {
          kind: "lines",
          title: "Memory",
          description: "Resident memory; the ten largest processes. A worker holds its checkpoint.",
          unit: "bytes",
          queries: [
            {
              expr: `topk(10, ${sum(series("process_resident_memory_bytes"), "instance")})`,
              legend: "{{instance}}",
            },
          ],
        },
        {
          kind: "lines",
          title: "Open files",
          description: "File descriptors by their limit; the ten that are nearest to it.",
          unit: "percentunit",
          good: { atMost: 0.8 },
          queries: [
            {
              expr: `topk(10, ${sum(series("process_open_fds"), "instance")} / ${sum(series("process_max_fds"), "instance")})`,
              legend: "{{instance}}",
            },
          ],
        },
      ],
    },
    gpus(),
  ],
};

/** From NVIDIA's DCGM exporter, with the counters that it exports unless told otherwise. */
function gpus(): Section {
  return {
    title: "GPUs (DCGM exporter)",
    panels: [
      {
        kind: "lines",
        title: "GPU utilization",
        description:
          "Part of the time in which a kernel ran. Low while workers are busy: they wait for the exchange.",
        unit: "percent",
        noValue: "no DCGM exporter",
        queries: [{ expr: `avg by (${GPU}) (${dcgm("DCGM_FI_DEV_GPU_UTIL")})`, legend: GPU_LEGEND }],
      },
      {
        kind: "lines",
        title: "Tensor cores",
        description: "Part of the time in which the tensor cores computed: how well the GPU is used.",
        unit: "percentunit",
        noValue: "no DCGM exporter",
        queries: [
          { expr: `avg by (${GPU}) (${dcgm("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE")})`, legend: GPU_LEGEND },
        ],
      },
      {
        kind: "lines",
        title: "GPU memory",
        description: "Used, by used and free. Near 1 the next larger job does not fit.",
        unit: "percentunit",
        good: { atMost: 0.95 },
        noValue: "no DCGM exporter",
        queries: [
          {
            expr: `sum by (${GPU}) (${dcgm("DCGM_FI_DEV_FB_USED")}) / (sum by (${GPU}) (${dcgm("DCGM_FI_DEV_FB_USED")}) + sum by (${GPU}) (${dcgm("DCGM_FI_DEV_FB_FREE")}))`,
            legend: GPU_LEGEND,
          },
        ],
      },
      {
        kind: "lines",
        title: "GPU temperature",
        description: "A GPU that is hot throttles, and becomes the straggler of its group.",
        unit: "celsius",
        good: { atMost: 85 },
        noValue: "no DCGM exporter",
        queries: [{ expr: `max by (${GPU}) (${dcgm("DCGM_FI_DEV_GPU_TEMP")})`, legend: GPU_LEGEND }],
      },
      {
        kind: "lines",
        title: "GPU power",
        description: "Watts of each GPU.",
        unit: "watt",
        noValue: "no DCGM exporter",
        queries: [{ expr: `sum by (${GPU}) (${dcgm("DCGM_FI_DEV_POWER_USAGE")})`, legend: GPU_LEGEND }],
      },
      {
        kind: "lines",
        title: "GPU errors",
        description:
          "Code of the last XID error of each GPU, 0 for none, and rows of memory that were replaced after errors that could not be corrected. Any is a reason to drain the node.",
        unit: "short",
        good: { atMost: 0 },
        noValue: "no DCGM exporter",
        queries: [
          { expr: `max by (${GPU}) (${dcgm("DCGM_FI_DEV_XID_ERRORS")})`, legend: `${GPU_LEGEND}: XID` },
          {
            expr: `max by (${GPU}) (${dcgm("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS")})`,
            legend: `${GPU_LEGEND}: rows replaced`,
          },
        ],
      },
    ],
  };
}

/**
 * Of the GPUs that the release's pods have. Prometheus keeps the exporter's labels as they are or, where it sets its own,
 * with "exported_" before; the chart's pods are named after the release.
 */
function dcgm(metric: string): string {
  const labels = (prefix: string): string => `${prefix}namespace=~"$namespace", ${prefix}pod=~"$release-.*"`;
  return `${metric}{${labels("")}} or ${metric}{${labels("exported_")}}`;
}
