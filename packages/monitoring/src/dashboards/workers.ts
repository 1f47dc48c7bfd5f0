import type { Dashboard } from "./dashboard.js";
import { inRange, mean, quantile, rate, series, sum } from "./queries.js";

const LOST = "cogfleet_workers_lost_total";
const RECOMPUTED = "cogfleet_steps_recomputed_total";

export const WORKERS: Dashboard = {
  uid: "cogfleet-workers",
  title: "Cogfleet / Workers, groups and failures",
  description: "Who computes, who was lost, how soon that was noticed, and what it cost.",
  sections: [
    {
      title: "Now, and in the time shown",
      panels: [
        {
          kind: "stat",
          title: "Busy",
          description: "Workers that compute a job.",
          unit: "suffix: workers",
          queries: [{ expr: sum(series("cogfleet_workers", `state="busy"`)), legend: "busy" }],
        },
        {
          kind: "stat",
          title: "Idle",
          description: "Workers that wait for a job.",
          unit: "suffix: workers",
          queries: [{ expr: sum(series("cogfleet_workers", `state="idle"`)), legend: "idle" }],
        },
        {
          kind: "stat",
          title: "Draining",
          description: "Workers that finish their step and leave.",
          unit: "suffix: workers",
          queries: [{ expr: sum(series("cogfleet_workers", `state="draining"`)), legend: "draining" }],
        },
        {
          kind: "stat",
          title: "Lost",
          description: "Workers that disappeared without draining, in the time shown.",
          unit: "suffix: workers",
          good: { atMost: 0 },
          queries: [{ expr: sum(inRange(LOST)), legend: "lost" }],
        },
        {
          kind: "stat",
          title: "Computed again",
          description: "Of all steps done in the time shown: what failures cost.",
          unit: "percentunit",
          good: { atMost: 0.05 },
          noValue: "no steps",
          queries: [
            {
              expr: `${sum(inRange(RECOMPUTED))} / (${sum(inRange("cogfleet_steps_total"))} > 0)`,
              legend: "computed again",
            },
          ],
        },
        {
          kind: "stat",
          title: "Without a step for",
          description:
            "The longest time for which a running job has done no step. See docs/runbooks/StepStalled.md.",
          unit: "s",
          good: { atMost: 60 },
          queries: [{ expr: `max(${series("cogfleet_step_age_seconds")})`, legend: "no step for" }],
        },
      ],
    },
    {
      title: "Workers and groups",
      panels: [
        {
          kind: "areas",
          title: "Workers",
          description: "Workers that are connected, by what they do.",
          unit: "suffix: workers",
          queries: [{ expr: sum(series("cogfleet_workers"), "state"), legend: "{{state}}" }],
        },
        {
          kind: "areas",
          title: "Groups",
          description: "Groups of workers that compute a job, by their number of ranks.",
          unit: "suffix: groups",
          queries: [{ expr: sum(series("cogfleet_groups"), "degree"), legend: "{{degree}} ranks" }],
        },
        {
          kind: "lines",
          title: "Groups that changed",
          description:
            "Attempts with another number of ranks than the job had before, and jobs that were stopped for one of higher priority.",
          unit: "suffix: /min",
          queries: [
            { expr: `60 * ${sum(rate("cogfleet_group_resizes_total"))}`, legend: "resized" },
            { expr: `60 * ${sum(rate("cogfleet_preemptions_total"))}`, legend: "preempted" },
          ],
        },
        {
          kind: "lines",
          title: "Cold start",
          description:
            "The slowest worker's time to read the checkpoint, to load sessions, until the coordinator's welcome, and until its first step was done.",
          unit: "s",
          queries: [
            { expr: `max by (phase) (${series("cogfleet_cold_start_seconds")})`, legend: "{{phase}}" },
            {
              expr: `max by (component) (${series("cogfleet_session_load_seconds")})`,
              legend: "load {{component}}",
            },
          ],
        },
      ],
    },
    {
      title: "Failures",
      panels: [
        {
          kind: "lines",
          title: "Workers lost",
          description:
            "By what showed it: a stream that broke, a lease that ran out, or a worker that came back as a new process. See docs/runbooks/WorkerLostRate.md.",
          unit: "suffix: workers/min",
          queries: [{ expr: `60 * ${sum(rate(LOST), "detected_by")}`, legend: "{{detected_by}}" }],
        },
        {
          kind: "lines",
          title: "Until a failure was noticed",
          description:
            "From the last sign of life of a worker, or the last step of a group, until its failure was noticed: mean, by what showed it.",
          unit: "s",
          noValue: "no failures",
          queries: [{ expr: mean("cogfleet_detection_seconds", "detected_by"), legend: "{{detected_by}}" }],
        },
        {
          kind: "lines",
          title: "Until the job got on",
          description:
            "From when the failure of an attempt was noticed until the job's next step. See docs/runbooks/RecoverySlow.md.",
          unit: "s",
          good: { atMost: 60 },
          noValue: "no failures",
          queries: [
            { expr: mean("cogfleet_recovery_seconds"), legend: "mean" },
            { expr: quantile(0.9, "cogfleet_recovery_seconds"), legend: "p90" },
          ],
        },
        {
          kind: "lines",
          title: "Steps computed again",
          description: "By what ended the attempt: those after its last checkpoint, and the one under way.",
          unit: "suffix: steps/min",
          queries: [{ expr: `60 * ${sum(rate(RECOMPUTED), "cause")}`, legend: "{{cause}}" }],
        },
        {
          kind: "lines",
          title: "Checkpoints",
          description:
            "From the first byte of a state until it was durable. A job goes on from its last one.",
          unit: "s",
          queries: [
            { expr: quantile(0.5, "cogfleet_checkpoint_write_seconds"), legend: "p50" },
            { expr: quantile(0.95, "cogfleet_checkpoint_write_seconds"), legend: "p95" },
          ],
        },
        {
          kind: "lines",
          title: "Checkpoints written",
          description: "States that were stored, all jobs together.",
          unit: "Bps",
          queries: [{ expr: sum(rate("cogfleet_checkpoint_bytes_sum")), legend: "written" }],
        },
      ],
    },
  ],
};
