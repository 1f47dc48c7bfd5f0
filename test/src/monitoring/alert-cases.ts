import { type AlertCase, FLEET_LABELS } from "./alert-case.js";

const finished = (outcome: string, reason = ""): string =>
  `cogfleet_jobs_finished_total{model="m", outcome="${outcome}", reason="${reason}"}`;
const workers = (state: string): string => `cogfleet_workers{state="${state}"}`;
const QUEUED = 'cogfleet_jobs{state="queued"}';

/** A histogram of which all is counted between two bounds, so many a minute. */
function histogram(metric: string, [from, to]: readonly [number, number], perMinute: number, more = "") {
  const labels = (le: string): string => `{${more}${more === "" ? "" : ", "}le="${le}"}`;
  const counts = `0+${perMinute}x500`;
  return {
    [`${metric}_bucket${labels(String(from))}`]: "0x500",
    [`${metric}_bucket${labels(String(to))}`]: counts,
    [`${metric}_bucket${labels("+Inf")}`]: counts,
  };
}

/** Steps of about so long, for the mean and the quantile. */
function steps(bounds: readonly [number, number], seconds: number) {
  return {
    ...histogram("cogfleet_step_seconds", bounds, 6, 'degree="1"'),
    'cogfleet_step_seconds_sum{degree="1"}': `0+${6 * seconds}x500`,
    'cogfleet_step_seconds_count{degree="1"}': "0+6x500",
  };
}

const JOBS: readonly AlertCase[] = [
  {
    alert: "QueueOldestAge",
    when: "a job has waited for twenty minutes",
    series: {
      // Constant: groups of rules are evaluated in any order, so a recorded value may be a minute old.
      'cogfleet_oldest_queued_age_seconds{instance="a"}': "1200x60",
      'cogfleet_oldest_queued_age_seconds{instance="b"}': "0x60",
    },
    at: "20m",
    fires: [{ severity: "warning", shown: "20m 0s" }],
  },
  {
    alert: "QueueOldestAge",
    when: "no job waits longer than ten minutes",
    series: { cogfleet_oldest_queued_age_seconds: "0+60x10 0+60x10 0+60x10" },
    at: "28m",
    fires: [],
  },
  {
    alert: "BacklogDrainTime",
    when: "two workers have work for over an hour, which two coordinators both report",
    series: {
      'cogfleet_backlog_work_seconds{model="m", instance="a"}': "10000x40",
      'cogfleet_backlog_work_seconds{model="m", instance="b"}': "10000x40",
      [workers("idle")]: "1x40",
      [workers("busy")]: "1x40",
    },
    at: "20m",
    fires: [{ severity: "warning", shown: "1h 23m 20s" }],
  },
  {
    alert: "BacklogDrainTime",
    when: "four workers have the same work",
    series: { 'cogfleet_backlog_work_seconds{model="m"}': "10000x40", [workers("busy")]: "4x40" },
    at: "20m",
    fires: [],
  },
  {
    alert: "BacklogDrainTime",
    when: "there is no worker, of which another alert tells",
    series: { 'cogfleet_backlog_work_seconds{model="m"}': "10000x40", [workers("busy")]: "0x40" },
    at: "20m",
    fires: [],
  },
  {
    alert: "JobFailureRatio",
    when: "half of all jobs fail",
    series: { [finished("failed", "numeric_error")]: "0+1x500", [finished("completed")]: "0+1x500" },
    at: "90m",
    fires: [
      { severity: "critical", shown: "50%" },
      { severity: "warning", shown: "50%" },
    ],
  },
  {
    alert: "JobFailureRatio",
    when: "one in ten fails for hours",
    series: { [finished("failed", "out_of_memory")]: "0+0.1x500", [finished("completed")]: "0+0.9x500" },
    at: "7h",
    fires: [{ severity: "warning", shown: "10%" }],
  },
  {
    alert: "JobFailureRatio",
    when: "it was bad, and has been good for half an hour",
    series: { [finished("failed", "numeric_error")]: "0+1x60 60x200", [finished("completed")]: "0+1x500" },
    at: "95m",
    fires: [],
  },
  {
    alert: "JobFailureRatio",
    when: "only requests that cannot be met fail, or not in their time",
    series: {
      [finished("failed", "invalid_request")]: "0+1x500",
      [finished("failed", "deadline_exceeded")]: "0+1x500",
      [finished("completed")]: "0+1x500",
    },
    at: "90m",
    fires: [],
  },
  {
    alert: "JobFailureRatio",
    when: "the only two jobs of the day failed",
    series: { [finished("failed", "numeric_error")]: "0x10 2x200", [finished("completed")]: "0x500" },
    at: "30m",
    fires: [],
  },
  {
    alert: "StepStalled",
    when: "steps of 8 seconds are the rule, and there was none for five minutes",
    series: { ...steps([7.5, 10], 8), cogfleet_step_age_seconds: "0+60x30" },
    at: "5m",
    fires: [{ severity: "critical", shown: "5m 0s" }],
  },
  {
    alert: "StepStalled",
    when: "no step was ever seen, for longer than a quarter of an hour",
    series: { cogfleet_step_age_seconds: "0+60x60" },
    at: "18m",
    fires: [{ severity: "critical", shown: "18m 0s" }],
  },
  {
    alert: "StepStalled",
    when: "steps take three minutes, longer than the histogram goes",
    series: { ...steps([30, 1e9], 180), cogfleet_step_age_seconds: "0+60x60" },
    at: "6m",
    fires: [],
  },
  {
    alert: "StepStalled",
    when: "steps are done",
    series: { ...steps([7.5, 10], 8), cogfleet_step_age_seconds: "8x60" },
    at: "30m",
    fires: [],
  },
  {
    alert: "EstimateError",
    when: "jobs take three times what was expected",
    series: {
      ...histogram("cogfleet_estimate_error_ratio", [2, 4], 1),
      cogfleet_estimate_error_ratio_count: "0+1x500",
    },
    at: "40m",
    fires: [{ severity: "warning", shown: "3" }],
  },
  {
    alert: "EstimateError",
    when: "jobs take a third of it",
    series: {
      ...histogram("cogfleet_estimate_error_ratio", [0.25, 0.5], 1),
      cogfleet_estimate_error_ratio_count: "0+1x500",
    },
    at: "40m",
    fires: [{ severity: "warning", shown: "0.38" }],
  },
  {
    alert: "EstimateError",
    when: "estimates are about right",
    series: {
      ...histogram("cogfleet_estimate_error_ratio", [0.9, 1], 1),
      cogfleet_estimate_error_ratio_count: "0+1x500",
    },
    at: "60m",
    fires: [],
  },
  {
    alert: "EstimateError",
    when: "three jobs in an hour say nothing",
    series: {
      ...histogram("cogfleet_estimate_error_ratio", [2, 4], 0.05),
      cogfleet_estimate_error_ratio_count: "0+0.05x500",
    },
    at: "60m",
    fires: [],
  },
];

const WORKERS: readonly AlertCase[] = [
  {
    alert: "NoReadyWorkers",
    when: "jobs wait and all workers are gone, or drain",
    series: {
      [workers("idle")]: "0x30",
      [workers("busy")]: "0x30",
      [workers("draining")]: "1x30",
      [QUEUED]: "3x30",
    },
    at: "12m",
    fires: [{ severity: "critical", shown: "" }],
  },
  {
    alert: "NoReadyWorkers",
    when: "the fleet is scaled to zero and nothing waits",
    series: { [workers("idle")]: "0x30", [workers("busy")]: "0x30", [QUEUED]: "0x30" },
    at: "20m",
    fires: [],
  },
  {
    alert: "NoReadyWorkers",
    when: "the first worker comes after eight minutes",
    series: { [workers("idle")]: "0x8 1x30", [workers("busy")]: "0x40", [QUEUED]: "3x40" },
    at: "12m",
    fires: [],
  },
  {
    alert: "WorkerLostRate",
    when: "one of two workers is lost",
    series: {
      'cogfleet_workers_lost_total{detected_by="stream"}': "0x20 1x60",
      [workers("idle")]: "2x20 1x60",
      [workers("busy")]: "0x80",
    },
    at: "22m",
    // Prometheus extrapolates over the window: 1 in the 14 minutes that it saw is 1.07 in 15.
    fires: [{ severity: "warning", shown: "50%" }],
  },
  {
    alert: "WorkerLostRate",
    when: "one of two was lost, longer ago than the window",
    series: {
      'cogfleet_workers_lost_total{detected_by="stream"}': "0x20 1x60",
      [workers("idle")]: "2x20 1x60",
      [workers("busy")]: "0x80",
    },
    at: "40m",
    fires: [],
  },
  {
    alert: "WorkerLostRate",
    when: "one of fifty is lost",
    series: { 'cogfleet_workers_lost_total{detected_by="lease"}': "0x20 1x60", [workers("busy")]: "50x80" },
    at: "22m",
    fires: [],
  },
  {
    alert: "RecoverySlow",
    when: "recovering takes one to two minutes",
    series: histogram("cogfleet_recovery_seconds", [60, 120], 1),
    at: "20m",
    fires: [{ severity: "warning", shown: "1m 54s" }],
  },
  {
    alert: "RecoverySlow",
    when: "it takes seconds",
    series: histogram("cogfleet_recovery_seconds", [2.5, 5], 1),
    at: "20m",
    fires: [],
  },
  {
    alert: "StragglerRatio",
    when: "one rank takes twice as long",
    series: histogram("cogfleet_step_straggler_ratio", [1.5, 2], 10),
    at: "30m",
    fires: [{ severity: "warning", shown: "1.8" }],
  },
  {
    alert: "StragglerRatio",
    when: "ranks are alike",
    series: histogram("cogfleet_step_straggler_ratio", [1.02, 1.05], 10),
    at: "40m",
    fires: [],
  },
];

const onA = { ...FLEET_LABELS, instance: "a" };
const certificate = { ...onA, certificate: "own" };
const EXPIRY = 'cogfleet_certificate_expiry_timestamp_seconds{instance="a", certificate="own"}';

const PLATFORM: readonly AlertCase[] = [
  {
    alert: "FencedWrites",
    when: "two a minute come from dead attempts",
    series: { cogfleet_fenced_writes_total: "0+2x60" },
    at: "20m",
    fires: [{ severity: "warning", shown: "30" }],
  },
  {
    alert: "FencedWrites",
    when: "a worker that was lost came back once",
    series: { cogfleet_fenced_writes_total: "0x20 3x60" },
    at: "25m",
    fires: [],
  },
  {
    alert: "NoLeader",
    when: "two coordinators follow",
    series: { 'cogfleet_leader{instance="a"}': "0x10", 'cogfleet_leader{instance="b"}': "0x10" },
    at: "3m",
    fires: [{ severity: "critical", shown: "" }],
  },
  {
    alert: "NoLeader",
    when: "no coordinator is there at all",
    series: { up: "0x10" },
    at: "3m",
    fires: [{ severity: "critical", labels: {}, shown: "" }],
  },
  {
    alert: "NoLeader",
    when: "the lease changes hands within a minute",
    series: {
      'cogfleet_leader{instance="a"}': "1 1 0 0 0 0",
      'cogfleet_leader{instance="b"}': "0 0 0 1 1 1",
    },
    at: "4m",
    fires: [],
  },
  {
    alert: "TwoLeaders",
    when: "two say that they lead",
    series: { 'cogfleet_leader{instance="a"}': "1x10", 'cogfleet_leader{instance="b"}': "1x10" },
    at: "2m",
    fires: [{ severity: "critical", shown: "2" }],
  },
  {
    alert: "TwoLeaders",
    when: "one of two leads",
    series: { 'cogfleet_leader{instance="a"}': "1x10", 'cogfleet_leader{instance="b"}': "0x10" },
    at: "5m",
    fires: [],
  },
  {
    alert: "EventLoopLag",
    when: "a process is late by more than half a second",
    series: histogram("cogfleet_event_loop_lag_seconds", [1, 5], 60, 'instance="a"'),
    at: "20m",
    fires: [{ severity: "warning", labels: onA, shown: "4.96s" }],
  },
  {
    alert: "EventLoopLag",
    when: "it is late by milliseconds",
    series: histogram("cogfleet_event_loop_lag_seconds", [0.005, 0.01], 60, 'instance="a"'),
    at: "20m",
    fires: [],
  },
  {
    alert: "StoreDown",
    when: "the store of one coordinator does not answer",
    series: { 'cogfleet_store_up{instance="a"}': "1x3 0x10", 'cogfleet_store_up{instance="b"}': "1x20" },
    at: "6m",
    fires: [{ severity: "critical", labels: onA, shown: "0" }],
  },
  {
    alert: "StoreDown",
    when: "it answers",
    series: { 'cogfleet_store_up{instance="a"}': "1x20" },
    at: "6m",
    fires: [],
  },
  {
    alert: "ArtifactWriteErrors",
    when: "the disk is full",
    series: { 'cogfleet_artifact_write_errors_total{instance="a", reason="resource_exhausted"}': "0x5 2x20" },
    at: "10m",
    fires: [{ severity: "critical", labels: { ...FLEET_LABELS, reason: "resource_exhausted" }, shown: "2" }],
  },
  {
    alert: "ArtifactWriteErrors",
    when: "the last error is longer ago than ten minutes",
    series: { 'cogfleet_artifact_write_errors_total{instance="a", reason="internal"}': "0x5 2x40" },
    at: "20m",
    fires: [],
  },
  {
    alert: "CertificateExpiry",
    when: "it ends in three days",
    series: { [EXPIRY]: `${3 * 86_400}x200` },
    at: "2h",
    fires: [{ severity: "warning", labels: certificate, shown: "2d 22h 0m 0s" }],
  },
  {
    alert: "CertificateExpiry",
    when: "it ends within a day",
    series: { [EXPIRY]: `${86_400}x200` },
    at: "2h",
    fires: [
      { severity: "warning", labels: certificate, shown: "22h 0m 0s" },
      { severity: "critical", labels: certificate, shown: "22h 0m 0s" },
    ],
  },
  {
    alert: "CertificateExpiry",
    when: "it holds for weeks",
    series: { [EXPIRY]: `${30 * 86_400}x200` },
    at: "2h",
    fires: [],
  },
];

/** For every alert, histories in which it fires and in which it does not. */
export const ALERT_CASES: readonly AlertCase[] = [...JOBS, ...WORKERS, ...PLATFORM];
