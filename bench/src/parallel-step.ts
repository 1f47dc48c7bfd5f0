import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { neverAborts } from "@cogfleet/core";
import { type Plan, planSize } from "@cogfleet/parallel";
import type { Addresses, Way } from "./exchange-end.js";
import { REALISTIC_TRANSFORMER, writeRandomCheckpoint } from "./random-checkpoint.js";
import type { RankReply, RankRequest, Timing } from "./rank-process.js";
import { type BenchResult, median, spread } from "./report.js";

export interface ParallelStepOptions {
  /** Of each rank. */
  readonly threads: number;
  /** How often steps and shares are run, in turn. */
  readonly repeats: number;
  /** P, each to be measured. */
  readonly ranks: readonly number[];
}

const GOALS: Readonly<Record<Way, number>> = { "shared-memory": 1.05, tcp: 1.1 };

/** Context parallelism: a step of P ranks against the slowest rank's share of it in P processes that never talk. */
export async function parallelStepBench(options: ParallelStepOptions): Promise<BenchResult[]> {
  return withCheckpoint(async (folder) => {
    const results: BenchResult[] = [];
    for (const context of options.ranks)
      results.push(...(await measure("parallel-step", { cfg: 1, context }, folder, options)));
    return results;
  });
}

/** CFG parallelism: two halves that swap once a step, against each half's branch by itself. */
export async function cfgStepBench(options: Omit<ParallelStepOptions, "ranks">): Promise<BenchResult[]> {
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
  degrees: Pick<Plan, "cfg" | "context">,
  folder: string,
  { threads, repeats }: Omit<ParallelStepOptions, "ranks">,
): Promise<BenchResult[]> {
  const size = planSize(degrees);
  const plan: Plan = {
    ...degrees,
    rates: Array.from({ length: size }, () => 1),
    vae: { kind: "serial" },
  };
  const ranks = await startRanks(folder, threads, plan);
  try {
    const slowest = async (request: RankRequest): Promise<Timing> => {
      const timings = await Promise.all(ranks.map((rank) => ask(rank, request)));
      const of = (part: keyof Timing): number =>
        Math.max(...timings.map((reply) => (reply.kind === "done" ? reply[part] : Number.NaN)));
      return { wall: of("wall"), cpu: of("cpu") };
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
      goal: size === 2 ? GOALS[way] : null,
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
    for (const rank of ranks) rank.disconnect();
  }
}

function mean(a: Timing, b: Timing): Timing {
  return { wall: (a.wall + b.wall) / 2, cpu: (a.cpu + b.cpu) / 2 };
}

async function startRanks(folder: string, threads: number, plan: Plan): Promise<ChildProcess[]> {
  const script = fileURLToPath(new URL("./rank-process.js", import.meta.url));
  const ranks = Array.from({ length: planSize(plan) }, () => fork(script, [folder, String(threads)]));
  const all: readonly Addresses[] = await Promise.all(
    ranks.map(async (rank) => {
      const reply = await next(rank);
      if (reply.kind !== "hello") throw new Error(`a rank began with ${reply.kind}`);
      return reply.addresses;
    }),
  );
  await Promise.all(ranks.map((process, rank) => ask(process, { kind: "join", rank, all, plan })));
  return ranks;
}

function ask(rank: ChildProcess, request: RankRequest): Promise<RankReply> {
  const reply = next(rank);
  rank.send(request);
  return reply;
}

async function next(rank: ChildProcess): Promise<RankReply> {
  const stop = new AbortController();
  const exited = once(rank, "exit", { signal: stop.signal }).then(([code]) => {
    throw new Error(`a rank ended with code ${code} before it replied`);
  });
  const [reply] = await Promise.race([once(rank, "message"), exited]);
  stop.abort();
  await exited.catch(() => {});
  return reply as RankReply;
}
