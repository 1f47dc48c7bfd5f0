import type { Dashboard } from "./dashboard.js";
import { OF_MODEL, quantile, READY_WORKERS, rate, series, shared, sum } from "./queries.js";

const BACKLOG = "cogfleet_backlog_work_seconds";
const ESTIMATE = "cogfleet_estimate_error_ratio";
const HPA = "kube_horizontalpodautoscaler";
// Named after KEDA's custom: the HPA of a ScaledObject is keda-hpa-NAME, and the chart's names begin with the release's.
const OURS = `namespace=~"$namespace", horizontalpodautoscaler=~"keda-hpa-$release.*"`;

export const QUEUE: Dashboard = {
  uid: "cogfleet-queue",
  title: "Cogfleet / Queue and autoscaling",
  description:
    "How much work waits, how many workers it wants, how many are there, and how good the estimates are.",
  hasDrainTarget: true,
  sections: [
    {
      title: "Now",
      panels: [
        {
          kind: "stat",
          title: "Backlog",
          description: "Seconds that one worker would take for what is left of the waiting and running jobs.",
          unit: "s",
          queries: [{ expr: sum(shared(BACKLOG, "model", OF_MODEL)), legend: "backlog" }],
        },
        {
          kind: "stat",
          title: "Drained in",
          description:
            "The backlog by the workers that are there: above an hour the alert BacklogDrainTime is near.",
          unit: "s",
          good: { atMost: 3600 },
          queries: [
            {
              expr: `${sum(shared(BACKLOG, "model", OF_MODEL))} / clamp_min(${READY_WORKERS}, 1)`,
              legend: "drained in",
            },
          ],
        },
        {
          kind: "stat",
          title: "Waiting",
          description: "Jobs in the queue.",
          unit: "suffix: jobs",
          queries: [{ expr: shared("cogfleet_jobs", "", `state="queued"`), legend: "waiting" }],
        },
        {
          kind: "stat",
          title: "Oldest",
          description:
            "How long the oldest waiting job has waited. Above a quarter of an hour the alert QueueOldestAge is near.",
          unit: "s",
          good: { atMost: 900 },
          queries: [{ expr: `max(${series("cogfleet_oldest_queued_age_seconds")})`, legend: "oldest" }],
        },
        {
          kind: "stat",
          title: "Desired",
          description:
            "Workers that would do the backlog within the drain target at the top of this page. The autoscaler asks for more where jobs are old or pin their degrees, and has limits.",
          unit: "suffix: workers",
          queries: [
            {
              expr: `ceil(${sum(shared(BACKLOG, "model", OF_MODEL))} / $drain_seconds)`,
              legend: "desired",
            },
          ],
        },
        {
          kind: "stat",
          title: "Ready",
          description: "Workers that are connected and not draining.",
          unit: "suffix: workers",
          queries: [{ expr: READY_WORKERS, legend: "ready" }],
        },
      ],
    },
    {
      title: "Queue",
      panels: [
        {
          kind: "areas",
          title: "Backlog by model",
          description:
            "Work-seconds that are left: of waiting jobs the estimate, of running ones its part for the steps that are left.",
          unit: "s",
          queries: [{ expr: shared(BACKLOG, "model", OF_MODEL), legend: "{{model}}" }],
        },
        {
          kind: "lines",
          title: "Age of the oldest waiting job",
          description: "Saw teeth are well: it falls whenever a job starts. A steady rise is starvation.",
          unit: "s",
          good: { atMost: 900 },
          queries: [{ expr: `max(${series("cogfleet_oldest_queued_age_seconds")})`, legend: "oldest" }],
        },
        {
          kind: "lines",
          title: "Coming and going",
          description: "Jobs admitted and jobs ended. While the first is above the second, the queue grows.",
          unit: "suffix: jobs/min",
          queries: [
            { expr: `60 * ${sum(rate("cogfleet_jobs_submitted_total", OF_MODEL))}`, legend: "admitted" },
            { expr: `60 * ${sum(rate("cogfleet_jobs_finished_total", OF_MODEL))}`, legend: "ended" },
          ],
        },
        {
          kind: "heat",
          title: "Spread of the time in the queue",
          description: "Jobs a second that got workers, in each bucket of how long they had waited.",
          unit: "s",
          queries: [{ expr: sum(rate("cogfleet_job_queue_wait_seconds_bucket"), "le"), legend: "{{le}}" }],
        },
      ],
    },
    {
      title: "Autoscaling",
      panels: [
        {
          kind: "lines",
          title: "Desired and ready workers",
          description:
            "By the backlog and the drain target at the top of this page, and what is connected. A lasting gap: the autoscaler is at its limit, the cluster has no room, or workers start slowly.",
          unit: "suffix: workers",
          queries: [
            {
              expr: `ceil(${sum(shared(BACKLOG, "model", OF_MODEL))} / $drain_seconds)`,
              legend: "desired by the backlog",
            },
            { expr: READY_WORKERS, legend: "ready" },
            { expr: sum(series("cogfleet_groups")), legend: "groups that compute" },
          ],
        },
        {
          kind: "lines",
          title: "Replicas",
          description:
            "What the HorizontalPodAutoscaler wants, has, and may have at most, from kube-state-metrics. Empty without it, or without autoscaling.",
          unit: "suffix: replicas",
          noValue: "no kube-state-metrics",
          queries: [
            { expr: sum(`${HPA}_status_desired_replicas{${OURS}}`), legend: "wanted" },
            { expr: sum(`${HPA}_status_current_replicas{${OURS}}`), legend: "there" },
            { expr: sum(`${HPA}_spec_max_replicas{${OURS}}`), legend: "at most" },
          ],
        },
        {
          kind: "lines",
          title: "Error of the estimates",
          description:
            "Work-seconds that jobs took, by those that were expected: 1 is right. Outside of 0.5 to 2 the alert EstimateError is near, and the figures above mislead.",
          unit: "suffix: times",
          noValue: "no job ended",
          queries: [
            { expr: quantile(0.1, ESTIMATE), legend: "p10" },
            { expr: quantile(0.5, ESTIMATE), legend: "p50" },
            { expr: quantile(0.9, ESTIMATE), legend: "p90" },
          ],
        },
        {
          kind: "lines",
          title: "Busy workers",
          description:
            "Of the ready workers, those that compute. Low while jobs wait: they pin degrees or models that the free workers do not have.",
          unit: "percentunit",
          noValue: "no workers",
          queries: [
            {
              expr: `${sum(series("cogfleet_workers", `state="busy"`))} / (${READY_WORKERS} > 0)`,
              legend: "busy",
            },
          ],
        },
      ],
    },
  ],
};
