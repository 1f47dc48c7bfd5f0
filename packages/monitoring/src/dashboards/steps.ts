import type { Dashboard } from "./dashboard.js";
import { mean, quantile, rate, series, sum } from "./queries.js";

const COMPUTE = "cogfleet_step_compute_seconds";
const EXCHANGE = "cogfleet_step_exchange_seconds";
const BYTES = "cogfleet_exchange_bytes_total";

export const STEPS: Dashboard = {
  uid: "cogfleet-steps",
  title: "Cogfleet / Steps and parallelism",
  description: "How fast steps are, what the ranks of a group compute and exchange, and who is late.",
  sections: [
    {
      title: "Steps",
      panels: [
        {
          kind: "lines",
          title: "Time of a step",
          description:
            "Wall time of a denoising step, by the number of ranks that compute it. Compare degrees only where the jobs are alike: large jobs get more ranks.",
          unit: "s",
          queries: [
            { expr: quantile(0.5, "cogfleet_step_seconds", "degree"), legend: "{{degree}} ranks p50" },
            { expr: quantile(0.95, "cogfleet_step_seconds", "degree"), legend: "{{degree}} ranks p95" },
          ],
        },
        {
          kind: "lines",
          title: "Steps done",
          description: "Denoising steps of all jobs together.",
          unit: "suffix: steps/s",
          queries: [{ expr: sum(rate("cogfleet_steps_total")), legend: "steps" }],
        },
        {
          kind: "heat",
          title: "Spread of the time of a step",
          description:
            "Steps a second in each bucket. Two bands: two sizes of jobs, or a rank that is at times late.",
          unit: "s",
          queries: [{ expr: sum(rate("cogfleet_step_seconds_bucket"), "le"), legend: "{{le}}" }],
        },
        {
          kind: "areas",
          title: "Groups",
          description: "Groups of workers that compute a job now, by their number of ranks.",
          unit: "suffix: groups",
          queries: [{ expr: sum(series("cogfleet_groups"), "degree"), legend: "{{degree}} ranks" }],
        },
      ],
    },
    {
      title: "Compute and exchange",
      panels: [
        {
          kind: "lines",
          title: "Compute and exchange in a step",
          description:
            "Seconds a step that a rank runs graphs, and that it exchanges tensors or waits for them, by operation. Some of the exchange is beside the computing, so the two can add up to more than the step.",
          unit: "s",
          queries: [
            { expr: mean(COMPUTE), legend: "compute" },
            {
              expr: `${sum(rate(`${EXCHANGE}_sum`), "op")} / on () group_left () (${sum(rate(`${COMPUTE}_count`))} > 0)`,
              legend: "exchange: {{op}}",
            },
          ],
        },
        {
          kind: "lines",
          title: "Part of the exchange",
          description:
            "Exchange, by compute and exchange together. Above a half the network is what a step waits for: fewer ranks, or a faster network, would serve more jobs.",
          unit: "percentunit",
          good: { atMost: 0.5 },
          noValue: "no steps",
          queries: [
            {
              expr: `${sum(rate(`${EXCHANGE}_sum`))} / (${sum(rate(`${EXCHANGE}_sum`))} + ${sum(rate(`${COMPUTE}_sum`))} > 0)`,
              legend: "exchange",
            },
          ],
        },
        {
          kind: "lines",
          title: "Slow exchanges",
          description: "What a rank spends on an operation in one step of 20, by operation.",
          unit: "s",
          queries: [{ expr: quantile(0.95, EXCHANGE, "op"), legend: "{{op}} p95" }],
        },
        {
          kind: "lines",
          title: "Exchanged",
          description:
            "Tensors between ranks, all workers together. What is received is sent too: the lines part where a peer is not scraped.",
          unit: "Bps",
          queries: [{ expr: sum(rate(BYTES), "direction"), legend: "{{direction}}" }],
        },
        {
          kind: "lines",
          title: "Exchanged by a rank in a step",
          description: "Bytes that a rank receives in each of its steps, on average, groups of one included.",
          unit: "bytes",
          queries: [
            {
              expr: `${sum(rate(BYTES, `direction="received"`))} / (${sum(rate(`${COMPUTE}_count`))} > 0)`,
              legend: "received",
            },
          ],
        },
        {
          kind: "lines",
          title: "Straggler",
          description:
            "Compute time of the slowest rank of a step, by that of the median one: 1 where all are alike. A steady 1.5 is one slow worker; see docs/runbooks/StragglerRatio.md.",
          unit: "suffix: times",
          good: { atMost: 1.5 },
          queries: [
            { expr: quantile(0.5, "cogfleet_step_straggler_ratio"), legend: "p50" },
            { expr: quantile(0.95, "cogfleet_step_straggler_ratio"), legend: "p95" },
          ],
        },
      ],
    },
    {
      title: "Before and after the steps",
      panels: [
        {
          kind: "lines",
          title: "Decoding",
          description: "Time to decode a video's latents, or a worker's part of them.",
          unit: "s",
          queries: [
            { expr: quantile(0.5, "cogfleet_vae_decode_seconds"), legend: "p50" },
            { expr: quantile(0.95, "cogfleet_vae_decode_seconds"), legend: "p95" },
          ],
        },
        {
          kind: "lines",
          title: "Embedding prompts",
          description:
            "Time to embed the new prompts of a job; those that were embedded before cost nothing.",
          unit: "s",
          queries: [
            { expr: quantile(0.5, "cogfleet_text_encode_seconds"), legend: "p50" },
            { expr: quantile(0.95, "cogfleet_text_encode_seconds"), legend: "p95" },
          ],
        },
      ],
    },
  ],
};
