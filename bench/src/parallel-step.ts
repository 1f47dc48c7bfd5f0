import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { neverAborts, systemRandom } from "@cogfleet/core";
import { configsOf, openCheckpoint, resolveRequest } from "@cogfleet/model";
import { DEFAULT_HOST_BYTES_PER_SECOND, makePlan, type Plan, planSize } from "@cogfleet/parallel";
import type { Way } from "./exchange-end.js";
import { TRANSFORMERS, type TransformerName, writeRandomCheckpoint } from "./random-checkpoint.js";
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
  /** Whose layers, each to be measured. */
  readonly widths: readonly TransformerName[];
  onResult(result: BenchResult): void;
}

const GOALS: Readonly<Record<Way, number>> = { "shared-memory": 1.05, tcp: 1.1 };

/** Context parallelism: a step of P ranks against the slowest rank's share of it in P processes that never talk. */
export async function parallelStepBench(options: ParallelStepOptions): Promise<BenchResult[]> {
  const { activations } = options;
  const compressed = activations === undefined ? {} : { activations };
  const results: BenchResult[] = [];
  for (const width of options.widths) {
    await withCheckpoint(width, async (folder) => {
      for (const context of options.ranks) {
        const degrees: Degrees = { cfg: 1, context, ...compressed };
        const measured = await measure("parallel-step", degrees, { folder, width }, options);
        for (const result of measured) options.onResult(result);
        results.push(...measured);
      }
    });
  }
  return results;
}

/** CFG parallelism: two halves that swap once a step, against each half's branch by itself. */
export async function cfgStepBench(
  options: Pick<ParallelStepOptions, "threads" | "repeats">,
): Promise<BenchResult[]> {
  const width = "narrow";
  return withCheckpoint(width, (folder) =>
    measure("cfg-step", { cfg: 2, context: 1 }, { folder, width }, options),
  );
}

type Degrees = Pick<Plan, "cfg" | "context" | "activations">;

async function withCheckpoint<T>(width: TransformerName, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "cogfleet-bench-"));
  try {
    await writeRandomCheckpoint(folder, TRANSFORMERS[width], neverAborts);
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What these ranks and the links between them are taken for: the planner cuts a step accordingly. */
const RANK = { rate: 150e9, memoryBytes: Number.POSITIVE_INFINITY, device: "cpu" } as const;
const LOOPBACK = { bytesPerSecond: 1e9, latencySeconds: 0.5e-3 };

/** The planner's plan of these degrees. */
async function planOf(folder: string, pinned: Degrees): Promise<Plan> {
  const checkpoint = await openCheckpoint(folder, neverAborts);
  const workers = Array.from({ length: planSize(pinned) }, (_, i) => ({ id: `rank${i}`, ...RANK }));
  const result = makePlan({
    configs: configsOf(checkpoint),
    args: resolveRequest(checkpoint.facts, { prompt: "any" }, systemRandom),
    precision: "fp32",
    fleet: { workers, link: () => LOOPBACK, hostBytesPerSecond: DEFAULT_HOST_BYTES_PER_SECOND },
    pinned,
  });
  if (result.kind === "refused") throw new Error(result.reason);
  return result.plan;
}

async function measure(
  bench: string,
  degrees: Degrees,
  { folder, width }: { readonly folder: string; readonly width: TransformerName },
  { threads, repeats }: Pick<ParallelStepOptions, "threads" | "repeats">,
): Promise<BenchResult[]> {
  const size = planSize(degrees);
  const plan = await planOf(folder, degrees);
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
      // One after another, each way first in turn, so that all see the same machine; the first round only warms up.
      const before = await share();
      const ways: Way[] = i % 2 === 0 ? ["shared-memory", "tcp"] : ["tcp", "shared-memory"];
      const steps = { "shared-memory": before, tcp: before };
      for (const way of ways) steps[way] = await step(way);
      const round = { share: mean(before, await share()), steps };
      if (i > 0) rounds.push(round);
    }
    return (["shared-memory", "tcp"] as const).map((way) => ({
      bench: `${bench}-${size}-${way === "tcp" ? "tcp" : "same-host"}`,
      ...spread(rounds.map((round) => round.steps[way].wall / round.share.wall)),
      labels: { width, ...(degrees.activations === undefined ? {} : { activations: degrees.activations }) },
      goal: size === 2 && degrees.activations === undefined ? GOALS[way] : null,
      better: "lower",
      what: `a step of ${size} ranks / the slowest rank's share of its arithmetic in ${size} processes that never talk`,
      figures: {
        ranks: size,
        parts: plan.parts ?? 1,
        runs: plan.runs ?? 1,
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
