// What each rank needs in memory: the largest of its stages, since no stage needs another's weights.
import { ELEMENT_BYTES, type Stage, stageMemory, type VideoShape } from "@cogfleet/model";
import { type DenoisePart, denoiseLayout, rankActivations } from "./estimate-denoise.js";
import type { JobShape } from "./job-shape.js";
import type { VaePlan } from "./plan.js";

const FLOAT_BYTES = 4;

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
    const share = (layout.rows[own]?.count ?? 0) / (job.textTokens + job.videoTokens);
    const latents = job.latentElements * perLatent * (batch * share + (rank === 0 ? 1 : 0));
    return weightBytes + batch * rankActivations(job, layout, own) * element + FLOAT_BYTES * latents;
  });
}

/** Decoding, by rank: a rank without chunks or tiles needs nothing. */
export function decodeNeeds(job: JobShape, plan: VaePlan, ranks: number): number[] {
  const { weightBytes, activationBytes } = stageOf(job, "decode");
  const { numFrames, height, width } = job.args;
  const videoBytes = FLOAT_BYTES * job.configs.vae.outChannels * numFrames * height * width;
  const alone = weightBytes + activationBytes;
  switch (plan.kind) {
    case "serial":
      return Array.from({ length: ranks }, (_, rank) => (rank === 0 ? alone : 0));
    case "temporal":
      // Layer by layer over all own chunks: each waits with its activations, about half of what the one at work has.
      return plan.chunks.map(({ count }, rank) => {
        const waiting = (Math.max(0, count - 1) * activationBytes) / 2;
        return count === 0 ? 0 : alone + waiting + (rank === 0 ? videoBytes : 0);
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

function stageOf(job: JobShape, stage: Stage) {
  const { numFrames, height, width, maxSequenceLength } = job.args;
  const shape: VideoShape = { numFrames, height, width, textTokens: maxSequenceLength };
  // There is no bfloat16 convolution: float32 is computed instead (graph/vae-chain.ts of model).
  const precision = stage === "decode" && job.precision === "bf16" ? "fp32" : job.precision;
  const stages = stageMemory(job.configs, shape, precision, job.isTiled);
  return stages.find((entry) => entry.stage === stage) ?? { weightBytes: 0, activationBytes: 0 };
}
