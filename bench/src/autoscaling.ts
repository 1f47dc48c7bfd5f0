import { arrivals } from "./autoscaling-day.js";
import { type DayResult, meanWorkSeconds, type Policy, simulateDay } from "./fleet-day.js";
import { CHART_TIMING } from "./kubernetes-autoscaler.js";
import { type BenchResult, spread } from "./report.js";

const COLD_START_MINUTES = [1, 4, 16];
const SEEDS = [1, 2, 3, 4, 5];
/** The chart's default target; what may be added to what a job computes itself. */
const TARGET = {
  model: undefined,
  targetDrainSeconds: 600,
  maxQueueAgeSeconds: undefined,
  workersPerGroup: 1,
} as const;
const SLO_SECONDS = 900;
const MOST_REPLICAS = 16;
const KEPT_REPLICAS = 4;
const FACTORS = [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4];

/**
 * A bursty day, scaled by the backlog in work-seconds against a count of jobs and against fixed fleets. The ratio is
 * GPU-hours of that policy by GPU-hours of scaling by work; all else is in the figures.
 */
export async function autoscalingBench(): Promise<readonly BenchResult[]> {
  return COLD_START_MINUTES.flatMap((minutes) => {
    const days = SEEDS.map((seed) => arrivals(seed));
    const run = (
      policyOf: (day: ReturnType<typeof arrivals>, index: number) => Policy,
      minReplicas = 0,
    ): readonly DayResult[] =>
      days.map((day, index) =>
        simulateDay(day, {
          policy: policyOf(day, index),
          target: TARGET,
          settings: { ...CHART_TIMING, minReplicas, maxReplicas: MOST_REPLICAS },
          coldStartSeconds: 60 * minutes,
          sloSeconds: SLO_SECONDS,
        }),
      );
    const work = run(() => ({ kind: "work" }));
    const kept = run(() => ({ kind: "work" }), KEPT_REPLICAS);
    // As many jobs a replica as the same drain time holds of average ones: the best that a count can know beforehand.
    const byCount = (factor: number) =>
      run((day) => ({
        kind: "count",
        jobsPerReplica: (factor * TARGET.targetDrainSeconds) / meanWorkSeconds(day),
      }));
    const count = byCount(1);
    // And one that was tuned in hindsight to cost what scaling by work does.
    const hours = (results: readonly DayResult[]): number =>
      results.reduce((sum, { gpuHours }) => sum + gpuHours, 0);
    const tuned = FACTORS.map(byCount).reduce((best, results) =>
      Math.abs(hours(results) - hours(work)) < Math.abs(hours(best) - hours(work)) ? results : best,
    );
    const equal = run((_, index) => ({
      kind: "fixed",
      replicas: Math.max(1, Math.round((work[index] as DayResult).gpuHours / 24)),
    }));
    const most = run(() => ({ kind: "fixed", replicas: MOST_REPLICAS }));
    const policies = {
      work,
      [`work, at least ${KEPT_REPLICAS} kept`]: kept,
      count,
      "count, as many GPU-hours": tuned,
      "fixed, as many GPU-hours": equal,
      "fixed, the most": most,
    };
    return Object.entries(policies).map(([policy, results]): BenchResult => {
      const mean = (of: (result: DayResult) => number): number =>
        results.reduce((sum, result) => sum + of(result), 0) / results.length;
      return {
        bench: "autoscaling",
        labels: { coldStart: `${minutes} min`, policy },
        ...spread(results.map((result, index) => result.gpuHours / (work[index] as DayResult).gpuHours)),
        goal: null,
        better: "lower",
        what: "GPU-hours by those of scaling by work-seconds, over five days",
        figures: {
          attainedPercent: 100 * mean(({ attained }) => attained),
          worstDayPercent: 100 * Math.min(...results.map(({ attained }) => attained)),
          waitP95Seconds: mean(({ waitP95 }) => waitP95),
          gpuHours: mean(({ gpuHours }) => gpuHours),
          lostWorkSeconds: mean(({ lostSeconds }) => lostSeconds),
          jobsMoved: mean(({ moved }) => moved),
          mostReplicas: Math.max(...results.map(({ mostReplicas }) => mostReplicas)),
        },
      };
    });
  });
}

/** For docs/autoscaling.md. */
export function autoscalingTable(results: readonly BenchResult[]): readonly string[] {
  return [
    "| cold start | scaled by | in time | worst day | p95 wait | GPU-hours | lost work | jobs moved |",
    "|---|---|---|---|---|---|---|---|",
    ...results.map(({ labels, figures }) => {
      const figure = (name: string, digits = 0): string => (figures[name] ?? Number.NaN).toFixed(digits);
      return (
        `| ${labels?.["coldStart"]} | ${labels?.["policy"]} | ${figure("attainedPercent", 1)} % | ` +
        `${figure("worstDayPercent", 1)} % | ${figure("waitP95Seconds")} s | ${figure("gpuHours", 1)} | ` +
        `${figure("lostWorkSeconds")} s | ${figure("jobsMoved")} |`
      );
    }),
  ];
}
