import type { Dashboard } from "./dashboard.js";
import { inRange, OF_MODEL, orNone, quantile, rate, series, shared, sum } from "./queries.js";

const FINISHED = "cogfleet_jobs_finished_total";
// As the alert JobFailureRatio counts: by no fault of the request.
const FAILED = `outcome="failed", reason!~"invalid_request|deadline_exceeded", ${OF_MODEL}`;
const ENDED = `outcome!="cancelled", ${OF_MODEL}`;

export const JOBS: Dashboard = {
  uid: "cogfleet-jobs",
  title: "Cogfleet / Jobs and SLO",
  description: "Whether jobs are made, how long they wait and take, and why they fail.",
  sections: [
    {
      title: "Now, and in the time shown",
      panels: [
        {
          kind: "stat",
          title: "Waiting",
          description: "Jobs in the queue.",
          unit: "suffix: jobs",
          queries: [{ expr: shared("cogfleet_jobs", "", `state="queued"`), legend: "waiting" }],
        },
        {
          kind: "stat",
          title: "Running",
          description: "Jobs that have workers.",
          unit: "suffix: jobs",
          queries: [{ expr: shared("cogfleet_jobs", "", `state="running"`), legend: "running" }],
        },
        {
          kind: "stat",
          title: "Completed",
          description: "Jobs that were made in the time shown.",
          unit: "suffix: jobs",
          queries: [
            { expr: sum(inRange(FINISHED, `outcome="completed", ${OF_MODEL}`)), legend: "completed" },
          ],
        },
        {
          kind: "stat",
          title: "Success",
          description:
            "Of the jobs that ended by themselves in the time shown, those that did not fail by the fleet's fault. Below 95 % the alert JobFailureRatio is near.",
          unit: "percentunit",
          good: { atLeast: 0.95 },
          noValue: "no job ended",
          queries: [
            {
              expr: `1 - ${sum(inRange(FINISHED, FAILED))} / (${sum(inRange(FINISHED, ENDED))} > 0)`,
              legend: "success",
            },
          ],
        },
        {
          kind: "stat",
          title: "Started within a minute",
          description: "Of the jobs that got workers in the time shown, those that waited for 60 s at most.",
          unit: "percentunit",
          good: { atLeast: 0.9 },
          noValue: "no job started",
          queries: [
            {
              expr: `${sum(inRange("cogfleet_job_queue_wait_seconds_bucket", `le="60"`))} / (${sum(inRange("cogfleet_job_queue_wait_seconds_count"))} > 0)`,
              legend: "started within a minute",
            },
          ],
        },
        {
          kind: "stat",
          title: "Deadlines missed",
          description: "Jobs that were not done by their deadline, in the time shown.",
          unit: "suffix: jobs",
          good: { atMost: 0 },
          queries: [{ expr: sum(inRange("cogfleet_deadline_missed_total")), legend: "missed" }],
        },
      ],
    },
    {
      title: "How long",
      panels: [
        {
          kind: "lines",
          title: "Time in the queue",
          description:
            "From when a job began to wait until it got workers. Rising p95 with a flat median: large jobs, or jobs with pinned degrees, wait for others to end.",
          unit: "s",
          queries: [
            { expr: quantile(0.5, "cogfleet_job_queue_wait_seconds"), legend: "p50" },
            { expr: quantile(0.95, "cogfleet_job_queue_wait_seconds"), legend: "p95" },
            { expr: `max(${series("cogfleet_oldest_queued_age_seconds")})`, legend: "oldest that waits now" },
          ],
        },
        {
          kind: "lines",
          title: "Time from submission to the end",
          description: "By how the job ended; waiting included.",
          unit: "s",
          queries: [
            { expr: quantile(0.5, "cogfleet_job_duration_seconds", "outcome"), legend: "{{outcome}} p50" },
            { expr: quantile(0.95, "cogfleet_job_duration_seconds", "outcome"), legend: "{{outcome}} p95" },
          ],
        },
        {
          kind: "lines",
          title: "Time of each stage",
          description:
            "Median wall time of a stage on its workers. Denoising is most of it, unless steps are few.",
          unit: "s",
          queries: [{ expr: quantile(0.5, "cogfleet_job_stage_seconds", "stage"), legend: "{{stage}} p50" }],
        },
        {
          kind: "areas",
          title: "What jobs spend their time on",
          description: "Seconds of each stage that end in a second: how many jobs are in it, on average.",
          unit: "suffix: jobs",
          queries: [{ expr: sum(rate("cogfleet_job_stage_seconds_sum"), "stage"), legend: "{{stage}}" }],
        },
      ],
    },
    {
      title: "How many",
      panels: [
        {
          kind: "areas",
          title: "Submitted",
          description: "Jobs admitted, by model.",
          unit: "suffix: jobs/min",
          queries: [
            {
              expr: `60 * ${sum(rate("cogfleet_jobs_submitted_total", OF_MODEL), "model")}`,
              legend: "{{model}}",
            },
          ],
        },
        {
          kind: "areas",
          title: "Ended",
          description: "Jobs that ended, by how.",
          unit: "suffix: jobs/min",
          queries: [{ expr: `60 * ${sum(rate(FINISHED, OF_MODEL), "outcome")}`, legend: "{{outcome}}" }],
        },
        {
          kind: "lines",
          title: "Failed, by reason",
          description:
            "Reasons are error codes; invalid_request and deadline_exceeded are the requests' own. See docs/runbooks/JobFailureRatio.md.",
          unit: "suffix: jobs/min",
          queries: [
            {
              expr: orNone(
                `60 * ${sum(rate(FINISHED, `outcome="failed", ${OF_MODEL}`), "reason")} > 0`,
                "reason",
              ),
              legend: "{{reason}}",
            },
          ],
        },
        {
          kind: "lines",
          title: "Not admitted",
          description:
            "Submissions that were refused, by error code, and those that were answered with an earlier job of the same idempotency key.",
          unit: "suffix: calls/min",
          queries: [
            {
              expr: orNone(`60 * ${sum(rate("cogfleet_submit_rejected_total"), "reason")}`, "reason"),
              legend: "refused: {{reason}}",
            },
            { expr: `60 * ${sum(rate("cogfleet_submit_deduplicated_total"))}`, legend: "repeated" },
          ],
        },
        {
          kind: "lines",
          title: "Failed by the fleet's fault, of all that ended",
          description:
            "Over the time of one rate interval; the alert JobFailureRatio looks at hours. No line: nothing ended.",
          unit: "percentunit",
          good: { atMost: 0.05 },
          noValue: "no job ended",
          queries: [
            {
              expr: `${sum(rate(FINISHED, FAILED))} / (${sum(rate(FINISHED, ENDED))} > 0)`,
              legend: "failed",
            },
          ],
        },
        {
          kind: "areas",
          title: "Waiting and running",
          description: "Jobs that have not ended.",
          unit: "suffix: jobs",
          queries: [{ expr: shared("cogfleet_jobs", "state"), legend: "{{state}}" }],
        },
      ],
    },
  ],
};
