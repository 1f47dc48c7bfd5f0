// Chooses how a job is spread over the workers that are free: every arrangement that fits is timed by the model
// (estimate-denoise.ts, estimate-decode.ts), and the quickest is taken. All of them compute the same numbers.
import { type ModelConfigs, type Precision, type Stage, t5Parameters } from "@cogfleet/model";
import { type Compression, compressionNeedsFloat32 } from "./compression.js";
import { denoiseChoices, placements } from "./denoise-choices.js";
import { type DecodeModel, decodeModel } from "./estimate-decode.js";
import { estimateDenoise } from "./estimate-denoise.js";
import { type JobArguments, type JobShape, jobShape, jointTokens } from "./job-shape.js";
import { choiceProblem, type Degrees, type ParallelChoice, showParallel } from "./parallel-choice.js";
import { MAX_RANKS, type Plan, planSize, type VaePlan } from "./plan.js";
import type { Fleet, PlanWorker, TransformerForm } from "./plan-fleet.js";
import { decodeNeeds, denoiseNeeds, encodeNeed, weightsOf } from "./rank-memory.js";
import { computeOnly, type StageEstimate } from "./stage-estimate.js";

export interface PlanInput {
  readonly configs: ModelConfigs;
  /** As the checkpoint's gate resolved them. */
  readonly args: JobArguments;
  readonly precision: Precision;
  readonly fleet: Fleet;
  /** Degrees that are not to be chosen: as `parseParallel` takes them. */
  readonly pinned: ParallelChoice;
}

export type PlanResult =
  | {
      readonly kind: "planned";
      readonly plan: Plan;
      /** Ids by rank. */
      readonly workers: readonly string[];
      readonly explanation: Explanation;
      /** The best plan of every pair of degrees that was weighed, the chosen one first. */
      readonly alternatives: readonly Alternative[];
    }
  | {
      readonly kind: "refused";
      /** `out_of_memory`, `resource_exhausted` when more workers would do, `invalid_request` when none would. */
      readonly code: "out_of_memory" | "resource_exhausted" | "invalid_request";
      /** Why, and what would work: one sentence. */
      readonly reason: string;
    };

export interface Explanation {
  /** Expected, until the video is there. */
  readonly seconds: number;
  readonly stages: readonly StageEstimate[];
  /** Bytes by rank, of the stage that needs most. */
  readonly memoryBytes: readonly number[];
}

export interface Alternative {
  readonly cfg: 1 | 2;
  readonly context: number;
  readonly vae: VaePlan["kind"];
  /** Expected, until the video is there; Infinity when memory does not suffice. */
  readonly seconds: number;
}

/** Plans a job, or says why it cannot be done. Pure: the same input gives the same plan. */
export function makePlan({ configs, args, precision, fleet, pinned }: PlanInput): PlanResult {
  const job = jobShape(configs, args, precision);
  const refusal = refuseDegrees(job, fleet, pinned);
  if (refusal !== undefined) return refusal;
  const decoding = decodeModel(job);
  const weighed = degreesOf(job, fleet, pinned).map((degrees) =>
    bestOf(job, degrees, pinned.activations, fleet, decoding),
  );
  const fitting = weighed.flatMap((entry) => (entry.best === undefined ? [] : [entry.best]));
  if (fitting.length === 0)
    return outOfMemory(
      job,
      fleet,
      weighed.map(({ shortage }) => shortage),
    );
  // Of equals the first, which has the fewest ranks.
  const best = fitting.reduce((a, b) => (b.explanation.seconds < a.explanation.seconds * (1 - 1e-9) ? b : a));
  const alternatives = weighed.map(
    ({ degrees, best: found }): Alternative => ({
      ...degrees,
      vae: found?.plan.vae.kind ?? "serial",
      seconds: found?.explanation.seconds ?? Number.POSITIVE_INFINITY,
    }),
  );
  const chosenFirst = alternatives.toSorted(
    (a, b) => a.seconds - b.seconds || a.cfg * a.context - b.cfg * b.context,
  );
  return {
    kind: "planned",
    plan: best.plan,
    workers: best.workers.map(({ id }) => id),
    explanation: best.explanation,
    alternatives: chosenFirst,
  };
}

function degreesOf(job: JobShape, { workers }: Fleet, pinned: ParallelChoice): Degrees[] {
  const cfgs = ([1, 2] as const).filter((cfg) => cfg === (pinned.cfg ?? cfg) && cfg <= job.branches);
  return cfgs
    .flatMap((cfg): Degrees[] => {
      const most = Math.min(Math.floor(Math.min(workers.length, MAX_RANKS) / cfg), jointTokens(job));
      if (pinned.context !== undefined) return [{ cfg, context: pinned.context }];
      return Array.from({ length: most }, (_, i) => ({ cfg, context: i + 1 }));
    })
    .filter(({ cfg, context }) => cfg * context <= workers.length)
    .sort((a, b) => planSize(a) - planSize(b) || b.cfg - a.cfg);
}

interface Candidate {
  readonly plan: Plan;
  readonly workers: readonly PlanWorker[];
  readonly explanation: Explanation;
}

interface Shortage {
  readonly id: string;
  readonly needBytes: number;
  readonly memoryBytes: number;
  readonly stage: Stage;
}

/** The quickest plan of these degrees that fits; without one, what the best-equipped worker that is too small lacks. */
function bestOf(
  job: JobShape,
  degrees: Degrees,
  activations: Compression | undefined,
  fleet: Fleet,
  decoding: DecodeModel,
): { readonly degrees: Degrees; readonly best?: Candidate; readonly shortage?: Shortage } {
  let pool = fleet.workers;
  let shortage: Shortage | undefined;
  while (pool.length >= planSize(degrees)) {
    const tooSmall = new Map<string, Shortage>();
    let best: Candidate | undefined;
    for (const workers of placements(pool, degrees)) {
      const { found, lacking } = bestOn(job, degrees, activations, workers, fleet, decoding);
      for (const entry of lacking) tooSmall.set(entry.id, entry);
      if (found !== undefined && found.explanation.seconds < (best?.explanation.seconds ?? Infinity))
        best = found;
    }
    if (best !== undefined) return { degrees, best };
    shortage = leastShort([...tooSmall.values()]);
    // Again without those that cannot.
    pool = pool.filter(({ id }) => !tooSmall.has(id));
  }
  return { degrees, ...(shortage === undefined ? {} : { shortage }) };
}

/** The quickest plan on these workers, by rank; and those of them that are too small for one. */
function bestOn(
  job: JobShape,
  degrees: Degrees,
  activations: Compression | undefined,
  workers: readonly PlanWorker[],
  fleet: Fleet,
  decoding: DecodeModel,
): { readonly found?: Candidate; readonly lacking: readonly Shortage[] } {
  const encode = workers.map((_, rank) => (rank === 0 ? encodeNeed(job) : 0));
  const decodes = decoding.choices(workers).map((vae) => ({
    vae,
    needs: decodeNeeds(job, vae, workers.length),
    estimate: decoding.estimate(vae, workers, fleet),
  }));
  // Alone there is nothing to compress.
  const compressed = activations === undefined || degrees.context === 1 ? {} : { activations };
  const choices = denoiseChoices(job, degrees, workers).map((part) => ({ ...part, ...compressed }));
  const denoises = choices.map((part) => ({
    part,
    needs: denoiseNeeds(job, part),
    estimate: estimateDenoise(job, part, workers, fleet),
  }));
  const fits = (needs: readonly number[]): boolean =>
    workers.every(({ memoryBytes }, rank) => (needs[rank] ?? 0) <= memoryBytes);
  const decode = quickest(decodes.filter(({ needs }) => fits(needs)));
  const denoise = quickest(denoises.filter(({ needs }) => fits(needs)));
  if (decode === undefined || denoise === undefined || !fits(encode)) {
    const lacking = [
      ...shortages(workers, "encode", [encode]),
      ...(denoise === undefined
        ? shortages(
            workers,
            "denoise",
            denoises.map(({ needs }) => needs),
          )
        : []),
      ...(decode === undefined
        ? shortages(
            workers,
            "decode",
            decodes.map(({ needs }) => needs),
          )
        : []),
    ];
    return { lacking };
  }
  const stages = [
    loading(job, degrees, workers),
    encoding(job, workers),
    denoise.estimate,
    decode.estimate,
  ].filter(({ seconds }) => seconds > 0);
  const explanation = {
    seconds: stages.reduce((sum, stage) => sum + stage.seconds, 0),
    stages,
    memoryBytes: workers.map((_, rank) =>
      Math.max(denoise.needs[rank] ?? 0, decode.needs[rank] ?? 0, encode[rank] ?? 0),
    ),
  };
  return { found: { plan: { ...denoise.part, vae: decode.vae }, workers, explanation }, lacking: [] };
}

/** The first of the quickest. */
function quickest<T extends { readonly estimate: StageEstimate }>(choices: readonly T[]): T | undefined {
  let best: T | undefined;
  for (const choice of choices)
    if (best === undefined || choice.estimate.seconds < best.estimate.seconds) best = choice;
  return best;
}

/** Workers that every choice needs more of than they have, with the least that any of them needs. */
function shortages(
  workers: readonly PlanWorker[],
  stage: Stage,
  choices: readonly (readonly number[])[],
): Shortage[] {
  return workers.flatMap(({ id, memoryBytes }, rank) => {
    const needBytes = Math.min(...choices.map((needs) => needs[rank] ?? 0));
    return needBytes > memoryBytes ? [{ id, needBytes, memoryBytes, stage }] : [];
  });
}

function leastShort(shortages: readonly Shortage[]): Shortage | undefined {
  return shortages.toSorted((a, b) => a.needBytes - a.memoryBytes - (b.needBytes - b.memoryBytes))[0];
}

/** A compute process that starts: ONNX Runtime, and a graph of some thousand nodes. */
const START_SECONDS = 1;
/** Weights from the page cache or a local disk; on a CPU they stay in the file's pages (docs/log.md). */
const LOAD_BYTES_PER_SECOND = 1e9;

/** A worker that holds the other form replaces its compute process. */
function loading(job: JobShape, plan: Pick<Plan, "context">, workers: readonly PlanWorker[]): StageEstimate {
  const form: TransformerForm = plan.context > 1 ? "segments" : "whole";
  const isChanged = workers.some((worker) => worker.form !== undefined && worker.form !== form);
  return computeOnly(
    "load",
    isChanged ? START_SECONDS + weightsOf(job, "denoise") / LOAD_BYTES_PER_SECOND : 0,
  );
}

/** T5 on rank 0: two operations a parameter and token, embeddings aside. Prompts that it knows take nothing. */
function encoding({ configs, args, branches }: JobShape, workers: readonly PlanWorker[]): StageEstimate {
  const { textEncoder } = configs;
  const products = t5Parameters(textEncoder) - textEncoder.vocabSize * textEncoder.dModel;
  const flops = 2 * products * args.maxSequenceLength * branches;
  return computeOnly("encode", flops / (workers[0] as PlanWorker).rate);
}

function refuseDegrees(job: JobShape, { workers }: Fleet, pinned: ParallelChoice): PlanResult | undefined {
  const { cfg = 1, context = 1, activations } = pinned;
  const refused = (code: "resource_exhausted" | "invalid_request", reason: string): PlanResult => ({
    kind: "refused",
    code,
    reason,
  });
  if (workers.length === 0) return refused("resource_exhausted", "there is no worker");
  if (activations !== undefined && job.precision === "fp16")
    return refused("invalid_request", compressionNeedsFloat32(activations));
  const problem = choiceProblem(pinned, job.args.guidanceScale);
  if (problem !== undefined) return refused("invalid_request", `parallel cfg=${cfg} ${problem}`);
  if (context > jointTokens(job))
    return refused(
      "invalid_request",
      `parallel context=${context} is above the sequence of ${jointTokens(job)} tokens: at most context=${jointTokens(job)}`,
    );
  const needed = cfg * context;
  if (needed > workers.length)
    return refused(
      "resource_exhausted",
      `parallel ${showParallel({ cfg, context })} needs ${needed} workers, there are ${workers.length}: ` +
        `add ${needed - workers.length}, or leave the degrees to the planner with "auto"`,
    );
  return undefined;
}

function outOfMemory(job: JobShape, fleet: Fleet, shortages: readonly (Shortage | undefined)[]): PlanResult {
  const least = leastShort(shortages.flatMap((entry) => (entry === undefined ? [] : [entry])));
  const size = (bytes: number): string =>
    bytes < 1e9 ? `${(bytes / 1e6).toPrecision(3)} MB` : `${(bytes / 1e9).toPrecision(3)} GB`;
  const what =
    least === undefined
      ? "no worker has the memory"
      : `worker ${least.id} has ${size(least.memoryBytes)} and needs ${size(least.needBytes)} to ${least.stage} at best`;
  const means = [
    ...(least?.stage === "decode" && !job.isTiled ? ["vae_tiling (another picture)"] : []),
    ...(least?.stage === "denoise" ? ["more workers"] : []),
    "workers with more memory",
    "a smaller video",
    ...(job.precision === "fp32" && fleet.workers.some(({ device }) => device !== "cpu")
      ? ["a 16-bit precision"]
      : []),
  ];
  return {
    kind: "refused",
    code: "out_of_memory",
    reason: `the job does not fit: ${what}; what would help: ${means.join(", ")}`,
  };
}
