// What each rank needs in memory: the largest of its stages, since no stage needs another's weights.
import {
  cutDecodeActivations,
  ELEMENT_BYTES,
  layerActivations,
  type Stage,
  type StageMemory,
  stageMemory,
  type VideoShape,
} from "@cogfleet/model";
import type { ContextLayout } from "./context-layout.js";
import { type DenoisePart, denoiseLayout } from "./estimate-denoise.js";
import { type JobShape, jointTokens } from "./job-shape.js";
import { type Plan, planSize, type VaePlan } from "./plan.js";

const FLOAT_BYTES = 4;

/** Bytes that each rank of a plan needs, stage by stage. */
export function rankNeeds(job: JobShape, plan: Plan): Readonly<Record<Stage, readonly number[]>> {
  return {
    encode: [encodeNeed(job)],
    denoise: denoiseNeeds(job, plan),
    decode: decodeNeeds(job, plan.vae, planSize(plan)),
  };
}

/** Denoising, by rank. Rank 0 also keeps the state that is saved after each step. */
export function denoiseNeeds(job: JobShape, plan: DenoisePart): number[] {
  const layout = denoiseLayout(job, plan);
  const weightBytes = weightsOf(job, "denoise");
  const element = ELEMENT_BYTES[job.precision];
  const batch = job.branches / plan.cfg;
  const { transformer } = job.configs;
  const perLatent = transformer.inChannels / transformer.outChannels + 2; // input, prediction, and the solver's last one
  return Array.from({ length: plan.cfg * plan.context }, (_, rank) => {
    const own = rank % plan.context;
    const share = (layout.rows[own]?.count ?? 0) / jointTokens(job);
    const latents = job.latentElements * perLatent * (batch * share + (rank === 0 ? 1 : 0));
    return weightBytes + batch * rankActivations(job, layout, own) * element + FLOAT_BYTES * latents;
  });
}

/**
 * Numbers of a rank's activations, of one branch. Where rows are shared, what segments hand on is held besides: q, k, v and
 * the residual of own rows, and the queries, keys, values and results of own cells.
 */
function rankActivations(job: JobShape, layout: ContextLayout, rank: number): number {
  const own = layout.rows[rank]?.count ?? 0;
  const layer = layerActivations(own, job.innerDim);
  if (layout.rows.length === 1) return layer;
  const headDim = job.innerDim / job.heads;
  const operands = layout.parts.reduce((sum, part) => {
    const cell = part[rank];
    if (cell === undefined) return sum;
    return sum + cell.heads.count * headDim * 2 * (cell.queries.count + jointTokens(job));
  }, 0);
  return layer + 4 * own * job.innerDim + operands;
}

/** Decoding, by rank: a rank without chunks or tiles needs nothing. */
export function decodeNeeds(job: JobShape, plan: VaePlan, ranks: number): number[] {
  const { precision, weightBytes, activationBytes } = stageOf(job, "decode");
  const { numFrames, height, width } = job.args;
  const videoBytes = FLOAT_BYTES * job.configs.vae.outChannels * numFrames * height * width;
  const alone = weightBytes + activationBytes;
  switch (plan.kind) {
    case "serial":
      return Array.from({ length: ranks }, (_, rank) => (rank === 0 ? alone : 0));
    case "temporal":
      return plan.chunks.map(({ count }, rank) => {
        if (count === 0) return 0;
        const activations = cutDecodeActivations(job.configs.vae, videoShape(job), job.isTiled, count);
        return weightBytes + activations * ELEMENT_BYTES[precision] + (rank === 0 ? videoBytes : 0);
      });
    case "tiles":
      return plan.tiles.map((tiles, rank) =>
        tiles.length === 0 && rank > 0 ? 0 : alone + (rank === 0 ? videoBytes : 0),
      );
  }
}

/** Encoding the prompts, on rank 0. */
export function encodeNeed(job: JobShape): number {
  const { weightBytes, activationBytes } = stageOf(job, "encode");
  return weightBytes + activationBytes;
}

/** Bytes of a stage's weights in the precision computed in. */
export function weightsOf(job: JobShape, stage: Stage): number {
  return stageOf(job, stage).weightBytes;
}

function stageOf(job: JobShape, stage: Stage): StageMemory {
  const stages = stageMemory(job.configs, videoShape(job), job.precision, job.isTiled);
  return stages.find((entry) => entry.stage === stage) as StageMemory; // there is one for each
}

function videoShape({ args }: JobShape): VideoShape {
  const { numFrames, height, width, maxSequenceLength } = args;
  return { numFrames, height, width, textTokens: maxSequenceLength };
}
