import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { neverAborts } from "@cogfleet/core";
import { type Plan, planSize } from "@cogfleet/parallel";
import type { Way } from "./exchange-end.js";
import { REALISTIC_TRANSFORMER, writeRandomCheckpoint } from "./random-checkpoint.js";
import { startRankChildren } from "./rank-children.js";
import type { RankReply, RankRequest } from "./rank-process.js";
import { type BenchResult, median, spread } from "./report.js";
import { mean, type Timing, together } from "./timing.js";

export interface ParallelStepOptions {
  /** Of each rank. */
  readonly threads: number;
  /** How often steps and shares are run, in turn. */
  readonly repeats: number;
  /** P, each to be measured. */
  readonly ranks: readonly number[];
  /** How what they exchange is compressed: the result is approximate. Undefined: not at all. */
  readonly activations: Plan["activations"];
  onResult(result: BenchResult): void;
}

const GOALS: Readonly<Record<Way, number>> = { "shared-memory": 1.05, tcp: 1.1 };

/** Context parallelism: a step of P ranks against the slowest rank's share of it in P processes that never talk. */
export async function parallelStepBench(options: ParallelStepOptions): Promise<BenchResult[]> {
  return withCheckpoint(async (folder) => {
    const { activations } = options;
    const compressed = activations === undefined ? {} : { activations };
    const results: BenchResult[] = [];
    for (const context of options.ranks) {
      const measured = await measure("parallel-step", { cfg: 1, context, ...compressed }, folder, options);
      for (const result of measured) options.onResult(result);
      results.push(...measured);
    }
    return results;
  });
}

/** CFG parallelism: two halves that swap once a step, against each half's branch by itself. */
export async function cfgStepBench(
  options: Pick<ParallelStepOptions, "threads" | "repeats">,
): Promise<BenchResult[]> {
  return withCheckpoint((folder) => measure("cfg-step", { cfg: 2, context: 1 }, folder, options));
}

async function withCheckpoint(use: (folder: string) => Promise<BenchResult[]>): Promise<BenchResult[]> {
  const folder = await mkdtemp(join(tmpdir(), "cogfleet-bench-"));
  try {
    await writeRandomCheckpoint(folder, REALISTIC_TRANSFORMER, neverAborts);
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function measure(
  bench: string,
  degrees: Pick<Plan, "cfg" | "context" | "activations">,
  folder: string,
  { threads, repeats }: Pick<ParallelStepOptions, "threads" | "repeats">,
): Promise<BenchResult[]> {
  const size = planSize(degrees);
  const plan: Plan = {
    ...degrees,
    rates: Array.from({ length: size }, () => 1),
    vae: { kind: "serial" },
  };
  const argv = [folder, String(threads)];
  const ranks = await startRankChildren<RankRequest, RankReply>("./rank-process.js", argv, size);
  try {
    await ranks.askAll((rank) => ({ kind: "join", rank, all: ranks.addresses, plan }));
    const slowest = async (request: RankRequest): Promise<Timing> => {
      const replies = await ranks.askAll(() => request);
      return together(replies.flatMap((reply) => (reply.kind === "done" ? [reply] : [])));
    };
    const step = (way: Way): Promise<Timing> => slowest({ kind: "step", way });
    const share = (): Promise<Timing> => slowest({ kind: "share" });
    const rounds: { readonly share: Timing; readonly steps: Readonly<Record<Way, Timing>> }[] = [];
    for (let i = 0; i <= repeats; i++) {
      // One after another, so that all see the same machine; the first round only warms up.
      const before = await share();
      const [shared, tcp] = [await step("shared-memory"), await step("tcp")];
      const round = { share: mean(before, await share()), steps: { "shared-memory": shared, tcp } };
      if (i > 0) rounds.push(round);
    }
    return (["shared-memory", "tcp"] as const).map((way) => ({
      bench: `${bench}-${size}-${way === "tcp" ? "tcp" : "same-host"}`,
      ...spread(rounds.map((round) => round.steps[way].wall / round.share.wall)),
      ...(degrees.activations === undefined ? {} : { labels: { activations: degrees.activations } }),
      goal: size === 2 && degrees.activations === undefined ? GOALS[way] : null,
      better: "lower",
      what: `a step of ${size} ranks / the slowest rank's share of its arithmetic in ${size} processes that never talk`,
      figures: {
        ranks: size,
        threads_of_a_rank: threads,
        repeats,
        step_seconds: median(rounds.map((round) => round.steps[way].wall)),
        share_seconds: median(rounds.map((round) => round.share.wall)),
        ratio_of_fastest:
          Math.min(...rounds.map((round) => round.steps[way].wall)) /
          Math.min(...rounds.map((round) => round.share.wall)),
        ratio_of_cpu_time: median(rounds.map((round) => round.steps[way].cpu / round.share.cpu)),
      },
    }));
  } finally {
    ranks.stop();
  }
}
