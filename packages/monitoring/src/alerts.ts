import { FLEET, failures } from "./recordings.js";
import type { Alert } from "./rules.js";

const DAY_SECONDS = 86_400;

/** Whether jobs are made, and in time. */
const JOBS: readonly Alert[] = [
  {
    alert: "QueueOldestAge",
    severity: "warning",
    expr: "cogfleet:oldest_queued_age_seconds:max > 900",
    for: "2m",
    summary: "A job has waited for {{ $value | humanizeDuration }}.",
    description:
      "Jobs wait longer than a quarter of an hour for a worker: there are too few, none fits the job, or they do not finish what they have.",
  },
  {
    alert: "BacklogDrainTime",
    severity: "warning",
    expr: "cogfleet:backlog_drain_seconds > 3600 and cogfleet:workers:sum > 0",
    for: "15m",
    summary: "The workers need {{ $value | humanizeDuration }} for what waits.",
    description:
      "At the present number of workers the work that waits and runs takes longer than an hour. Autoscaling has not kept up for a quarter of an hour, or is at its limit.",
  },
  {
    alert: "JobFailureRatio",
    severity: "critical",
    expr: `cogfleet:jobs_failed:ratio_1h > 0.2 and cogfleet:jobs_failed:ratio_5m > 0.2
and ${failures("1h")} >= 3`,
    for: "2m",
    summary: "{{ $value | humanizePercentage }} of the jobs of the last hour failed.",
    description:
      "More than a fifth of the jobs failed by no fault of their requests, in the last hour and still in the last five minutes.",
  },
  {
    alert: "JobFailureRatio",
    severity: "warning",
    expr: `cogfleet:jobs_failed:ratio_6h > 0.05 and cogfleet:jobs_failed:ratio_30m > 0.05
and ${failures("6h")} >= 3`,
    for: "15m",
    summary: "{{ $value | humanizePercentage }} of the jobs of the last six hours failed.",
    description:
      "More than one job in twenty failed by no fault of its request, in the last six hours and still in the last half hour.",
  },
  {
    alert: "StepStalled",
    severity: "critical",
    expr: `max ${FLEET} (cogfleet_step_age_seconds) > 900
or (max ${FLEET} (cogfleet_step_age_seconds) > 60
  and max ${FLEET} (cogfleet_step_age_seconds) > 2 * cogfleet:step_seconds:p99_1h
  and max ${FLEET} (cogfleet_step_age_seconds) > 4 * cogfleet:step_seconds:mean_1h)`,
    for: "2m",
    summary: "A running job has done no step for {{ $value | humanizeDuration }}.",
    description:
      "A job that has workers does not get on: twice the time of a slow step has passed without one, over all its attempts.",
  },
  {
    alert: "EstimateError",
    severity: "warning",
    expr: `(cogfleet:estimate_error_ratio:p50_1h > 2 or cogfleet:estimate_error_ratio:p50_1h < 0.5)
and sum ${FLEET} (increase(cogfleet_estimate_error_ratio_count[1h])) >= 5`,
    for: "30m",
    summary: 'Jobs take {{ $value | printf "%.2g" }} times what is expected of them.',
    description:
      "The planner's estimates are off by more than a factor of two, after their own correction: plans, the backlog and autoscaling follow them.",
  },
];

/** Whether workers are there, and work together. */
const WORKERS: readonly Alert[] = [
  {
    alert: "NoReadyWorkers",
    severity: "critical",
    expr: "cogfleet:workers:sum == 0 and cogfleet:jobs_queued:max > 0",
    for: "10m",
    summary: "Jobs wait, and no worker is there.",
    description:
      "For ten minutes jobs have waited and no worker was connected that takes any: none was started, or none can load its model or reach the coordinator.",
  },
  {
    alert: "WorkerLostRate",
    severity: "warning",
    expr: `sum ${FLEET} (increase(cogfleet_workers_lost_total[15m]))
/ clamp_min(max_over_time(cogfleet:workers:sum[15m]), 1) > 0.1`,
    summary: "{{ $value | humanizePercentage }} of the workers were lost in a quarter of an hour.",
    description:
      "More than a tenth of the workers disappeared without draining. Their jobs go on elsewhere from their last step; what takes workers away may take more.",
  },
  {
    alert: "RecoverySlow",
    severity: "warning",
    expr: "cogfleet:recovery_seconds:p90_30m > 60",
    for: "5m",
    summary: "Jobs that lost a worker take {{ $value | humanizeDuration }} to get on.",
    description:
      "After a loss a job should do its next step within seconds. One in ten took longer than a minute: no worker is free, or it loads its model anew.",
  },
  {
    alert: "StragglerRatio",
    severity: "warning",
    expr: "cogfleet:step_straggler_ratio:p50_15m > 1.5",
    for: "15m",
    summary: 'The slowest worker of a group takes {{ $value | printf "%.2g" }} times as long as the others.',
    description:
      "In half of all steps of groups one rank computes half as long again as the median one, and the others wait for it.",
  },
];

/** Whether the machinery works. */
const PLATFORM: readonly Alert[] = [
  {
    alert: "FencedWrites",
    severity: "warning",
    expr: `sum ${FLEET} (increase(cogfleet_fenced_writes_total[15m])) > 10`,
    summary: "{{ $value | humanize }} reports came from attempts that were over.",
    description:
      "Workers compute for attempts that were given to others: they are taken for dead and are not, or two coordinators give out work. Nothing is damaged, but work is done twice.",
  },
  {
    alert: "NoLeader",
    severity: "critical",
    expr: `sum ${FLEET} (cogfleet_leader) == 0 or absent(cogfleet_leader)`,
    for: "2m",
    summary: "No coordinator leads.",
    description: "Nobody gives jobs to workers: what runs ends, what waits stays.",
  },
  {
    alert: "TwoLeaders",
    severity: "critical",
    expr: `sum ${FLEET} (cogfleet_leader) > 1`,
    for: "1m",
    summary: "{{ $value }} coordinators say that they lead.",
    description:
      "One lease has one holder, and terms fence the writes of a former one: for a minute this cannot be. Or two fleets are scraped as one job.",
  },
  {
    alert: "EventLoopLag",
    severity: "warning",
    expr: "cogfleet:event_loop_lag_seconds:p99_5m > 0.5",
    for: "10m",
    summary: "The event loop of {{ $labels.instance }} is late by {{ $value | humanizeDuration }}.",
    description:
      "The process answers late: heartbeats, leases and exchanges suffer, and at the length of a lease workers count as dead.",
  },
  {
    alert: "StoreDown",
    severity: "critical",
    expr: `min by (namespace, job, instance) (cogfleet_store_up) == 0`,
    for: "1m",
    summary: "The job store of {{ $labels.instance }} does not answer.",
    description:
      "Reads or writes of jobs fail: submissions are refused, and what runs cannot be written down.",
  },
  {
    alert: "ArtifactWriteErrors",
    severity: "critical",
    expr: `sum by (namespace, job, reason) (increase(cogfleet_artifact_write_errors_total[10m])) > 0`,
    summary: "{{ $value | humanize }} artifacts or checkpoints could not be written ({{ $labels.reason }}).",
    description:
      "Videos and step checkpoints do not reach the disk or the object store: jobs fail at their end, and lost workers cost more than a step.",
  },
  {
    alert: "CertificateExpiry",
    severity: "warning",
    expr: `min by (namespace, job, instance, certificate) (cogfleet_certificate_expiry_timestamp_seconds) - time() < ${7 * DAY_SECONDS}`,
    for: "1h",
    summary:
      "The certificate ({{ $labels.certificate }}) of {{ $labels.instance }} ends in {{ $value | humanizeDuration }}.",
    description: "It was not renewed, or the renewed one was not read. At its end no channel opens any more.",
  },
  {
    alert: "CertificateExpiry",
    severity: "critical",
    expr: `min by (namespace, job, instance, certificate) (cogfleet_certificate_expiry_timestamp_seconds) - time() < ${DAY_SECONDS}`,
    summary:
      "The certificate ({{ $labels.certificate }}) of {{ $labels.instance }} ends in {{ $value | humanizeDuration }}.",
    description: "Within a day no channel opens any more.",
  },
];

export const ALERTS = { jobs: JOBS, workers: WORKERS, platform: PLATFORM } as const;
