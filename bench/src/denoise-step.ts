import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type Clock, neverAborts } from "@cogfleet/core";
import { readTransformerFolder } from "@cogfleet/model";
import { startThreadRuntime } from "@cogfleet/ort";
import { openOneWorkerStep } from "./one-worker-step.js";
import { TRANSFORMERS, writeRandomCheckpoint } from "./random-checkpoint.js";
import { type BenchResult, median, spread } from "./report.js";
import { stepArithmeticGraph, stepFlops } from "./step-arithmetic.js";
import type { ProcessReport } from "./step-process.js";

export interface DenoiseStepOptions {
  readonly threads: number;
  /** How often our step and the bare arithmetic are run, in turn. */
  readonly repeats: number;
}

/** One denoising step on one worker against its limits: the bare arithmetic, and the bytes that it must hold. */
export async function denoiseStepBench(
  { threads, repeats }: DenoiseStepOptions,
  clock: Clock,
): Promise<BenchResult[]> {
  const folder = await mkdtemp(join(tmpdir(), "cogfleet-bench-"));
  try {
    await writeRandomCheckpoint(folder, TRANSFORMERS.narrow, neverAborts);
    const fresh = await freshProcess(folder, threads);
    return [await speed(folder, { threads, repeats }, clock), memory(fresh), coldStart(fresh)];
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function speed(
  folder: string,
  { threads, repeats }: DenoiseStepOptions,
  clock: Clock,
): Promise<BenchResult> {
  const runtime = startThreadRuntime({
    device: { kind: "cpu", index: 0 },
    precision: "fp32",
    threads,
    spin: false,
  });
  try {
    const ours = await openOneWorkerStep(runtime, folder);
    const { weights } = await readTransformerFolder(join(folder, "transformer"), neverAborts);
    const bare = await runtime.open(stepArithmeticGraph(ours.config, weights(), ours.size), neverAborts);
    const D = ours.config.numAttentionHeads * ours.config.attentionHeadDim;
    const row = new Float32Array(D).map(Math.cos);
    const arithmetic = () => bare.run({ row: { type: "float32", data: row, dims: [1, D] } }, neverAborts);
    const timed = async (body: () => Promise<unknown>): Promise<Timing> => {
      const cpu = process.cpuUsage();
      const start = clock.now();
      await body();
      const wall = (clock.now() - start) / 1000;
      const { user, system } = process.cpuUsage(cpu);
      return { wall, cpu: (user + system) / 1e6 };
    };

    await timed(ours.step); // the first run of a session allocates
    await timed(arithmetic);
    // Step, limit, limit, step: what the machine's load does to both ends cancels out.
    const pairs: { readonly step: Timing; readonly limit: Timing }[] = [];
    for (let i = 0; i < repeats; i++) {
      const first = await timed(ours.step);
      const limit = mean(await timed(arithmetic), await timed(arithmetic));
      pairs.push({ step: mean(first, await timed(ours.step)), limit });
    }
    const limit = median(pairs.map((pair) => pair.limit.wall));
    return {
      bench: "denoise-step",
      ...spread(pairs.map((pair) => pair.step.wall / pair.limit.wall)),
      goal: 1.15,
      better: "lower",
      what: "one step (guidance and scheduler included) / the same matrix products and attentions alone",
      figures: {
        threads,
        repeats,
        step_seconds: median(pairs.map((pair) => pair.step.wall)),
        limit_seconds: limit,
        // On a machine that others use as well, these two say more than the median.
        ratio_of_fastest: fastest(pairs.map((pair) => pair.step)) / fastest(pairs.map((pair) => pair.limit)),
        ratio_of_cpu_time: median(pairs.map((pair) => pair.step.cpu / pair.limit.cpu)),
        limit_gflops_per_second: stepFlops(ours.config, ours.size) / limit / 1e9,
        video_tokens: ours.size.videoTokens,
        text_tokens: ours.size.textTokens,
      },
    };
  } finally {
    await runtime.close();
  }
}

/** Seconds: by the clock, and of all threads of this process. */
interface Timing {
  readonly wall: number;
  readonly cpu: number;
}

function mean(a: Timing, b: Timing): Timing {
  return { wall: (a.wall + b.wall) / 2, cpu: (a.cpu + b.cpu) / 2 };
}

function fastest(timings: readonly Timing[]): number {
  return Math.min(...timings.map(({ wall }) => wall));
}

const MB = 1e6;

function memory({ loaded, steady, weightBytes, activationBytes }: ProcessReport): BenchResult {
  const ratio = steady.anonymous / (weightBytes + activationBytes);
  return {
    bench: "denoise-step-memory",
    ...spread([ratio]),
    goal: 1.2,
    better: "lower",
    what: "anonymous resident bytes after some steps / (weights in float32 + activations live at once)",
    figures: {
      anonymous_mb: steady.anonymous / MB,
      weights_mb: weightBytes / MB,
      activations_mb: activationBytes / MB,
      loaded_anonymous_mb: loaded.anonymous / MB,
      peak_resident_while_loading_mb: loaded.peakResident / MB,
      peak_resident_mb: steady.peakResident / MB,
    },
  };
}

function coldStart({ loadedAt, firstStepAt, stepSeconds }: ProcessReport): BenchResult {
  const step = median(stepSeconds);
  return {
    bench: "denoise-step-cold-start",
    ...spread([firstStepAt / step]),
    goal: null,
    better: "lower",
    what: "from the start of a process to the end of its first step / a later step",
    figures: { loaded_at_seconds: loadedAt, first_step_at_seconds: firstStepAt, step_seconds: step },
  };
}

/** Runs step-process.ts. */
async function freshProcess(folder: string, threads: number): Promise<ProcessReport> {
  const script = fileURLToPath(new URL("./step-process.js", import.meta.url));
  const child = fork(script, [folder, String(threads), "3"]);
  const exited = once(child, "exit").then(([code]) => {
    throw new Error(`step-process ended with code ${code} before it reported`);
  });
  const [report] = await Promise.race([once(child, "message"), exited]);
  await exited.catch(() => {}); // it has nothing else to do
  return report as ProcessReport;
}
