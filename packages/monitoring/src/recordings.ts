import type { Recording } from "./rules.js";

// One fleet: the coordinators behind one scrape job, in one namespace. Outside of Kubernetes there is no namespace label.
export const FLEET = "by (namespace, job)";

/**
 * Jobs that failed by no fault of their request. A deadline or a limit of running time that passed is the request's:
 * somebody who sets seconds must not page anybody.
 */
export function failures(window: string): string {
  const failed = `cogfleet_jobs_finished_total{outcome="failed", reason!~"invalid_request|deadline_exceeded"}`;
  return `sum ${FLEET} (increase(${failed}[${window}]))`;
}

/** Of all that ended by themselves. */
function failureRatio(window: string): string {
  const ended = `cogfleet_jobs_finished_total{outcome!="cancelled"}`;
  return `${failures(window)} / (sum ${FLEET} (increase(${ended}[${window}])) > 0)`;
}

function quantile(q: number, metric: string, window: string, labels = "namespace, job"): string {
  return `histogram_quantile(${q}, sum by (${labels}, le) (rate(${metric}_bucket[${window}])))`;
}

export const RECORDINGS: readonly Recording[] = [
  // Every coordinator knows of all jobs: the largest of their figures is the figure. A worker is connected to one.
  { record: "cogfleet:workers:sum", expr: `sum ${FLEET} (cogfleet_workers{state=~"idle|busy"})` },
  { record: "cogfleet:jobs_queued:max", expr: `max ${FLEET} (cogfleet_jobs{state="queued"})` },
  {
    record: "cogfleet:oldest_queued_age_seconds:max",
    expr: `max ${FLEET} (cogfleet_oldest_queued_age_seconds)`,
  },
  {
    record: "cogfleet:backlog_work_seconds:sum",
    expr: `sum ${FLEET} (max by (namespace, job, model) (cogfleet_backlog_work_seconds))`,
  },
  {
    record: "cogfleet:backlog_drain_seconds",
    expr: "cogfleet:backlog_work_seconds:sum / clamp_min(cogfleet:workers:sum, 1)",
  },
  { record: "cogfleet:jobs_failed:ratio_5m", expr: failureRatio("5m") },
  { record: "cogfleet:jobs_failed:ratio_30m", expr: failureRatio("30m") },
  { record: "cogfleet:jobs_failed:ratio_1h", expr: failureRatio("1h") },
  { record: "cogfleet:jobs_failed:ratio_6h", expr: failureRatio("6h") },
  { record: "cogfleet:step_seconds:p99_1h", expr: quantile(0.99, "cogfleet_step_seconds", "1h") },
  {
    // The histogram ends at 30 s; its sum does not.
    record: "cogfleet:step_seconds:mean_1h",
    expr: `sum ${FLEET} (rate(cogfleet_step_seconds_sum[1h])) / (sum ${FLEET} (rate(cogfleet_step_seconds_count[1h])) > 0)`,
  },
  {
    record: "cogfleet:job_queue_wait_seconds:p95_1h",
    expr: quantile(0.95, "cogfleet_job_queue_wait_seconds", "1h"),
  },
  { record: "cogfleet:recovery_seconds:p90_30m", expr: quantile(0.9, "cogfleet_recovery_seconds", "30m") },
  {
    record: "cogfleet:step_straggler_ratio:p50_15m",
    expr: quantile(0.5, "cogfleet_step_straggler_ratio", "15m"),
  },
  {
    record: "cogfleet:estimate_error_ratio:p50_1h",
    expr: quantile(0.5, "cogfleet_estimate_error_ratio", "1h"),
  },
  {
    record: "cogfleet:event_loop_lag_seconds:p99_5m",
    expr: quantile(0.99, "cogfleet_event_loop_lag_seconds", "5m", "namespace, job, instance"),
  },
];
