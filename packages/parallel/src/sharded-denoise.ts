// The denoising loop over the ranks of a plan, one step at a time; its one-rank reference is diffusion/denoise.ts of
// model. The latents stay dealt by token rows from step to step: all that follows the transformer is element-wise.
// B videos, S_v a rank's own video rows, X = p_t * p * p * C.
import { ClusterError } from "@cogfleet/core";
import {
  guidanceAt,
  guide,
  isFiniteEverywhere,
  isGuided,
  randnTensor,
  type Scheduler,
  TorchGenerator,
} from "@cogfleet/model";
import { bytesOf, floatsIn } from "./block.js";
import { type DenoiseDeal, type OwnState, rowsOfRank } from "./denoise-deal.js";
import { allGatherRows } from "./gather.js";
import type { ShardedTransformer } from "./sharded-transformer.js";
import { swap } from "./swap.js";

export interface ShardedDenoiseDeps {
  readonly transformer: Pick<ShardedTransformer, "forward">;
  readonly scheduler: Scheduler;
}

/**
 * The state one step on; every rank of the plan calls it. `embeds` are the text rows that `dealEmbeds` gave this rank.
 * `numeric_error` on every rank, naming the step (counted from 1), when the new latents of one hold NaN or infinity.
 */
export async function shardedDenoiseStep(
  { transformer, scheduler }: ShardedDenoiseDeps,
  deal: DenoiseDeal,
  embeds: Float32Array,
  state: OwnState,
  signal: AbortSignal,
): Promise<OwnState> {
  signal.throwIfAborted();
  const { numInferenceSteps } = deal.denoise;
  const timesteps = scheduler.timesteps(numInferenceSteps);
  const timestep = timesteps[state.step];
  if (timestep === undefined)
    throw new ClusterError("internal", `step ${state.step + 1} of ${timesteps.length}`);

  const modelOutput = await predict(transformer, deal, embeds, state.latents, timestep, signal);
  const generators = state.generators.map((generator) => TorchGenerator.resumed(generator));
  const { batch, frames, channels, height, width } = deal.shape;
  const { sample, solver } = scheduler.step({
    numInferenceSteps,
    index: state.step,
    sample: state.latents,
    modelOutput,
    solver: { previousX0: state.previousX0 },
    // Every rank draws all of it, so that the generators stay together.
    noise: () =>
      rowsOfRank(deal, randnTensor(generators, [batch, frames, channels, height, width]), deal.context.rank),
  });
  const step = state.step + 1;
  await requireFinite(deal, sample, step, timesteps.length, signal);
  return {
    step,
    latents: sample,
    previousX0: solver.previousX0,
    generators: generators.map((generator) => generator.state()),
  };
}

/** v for own rows, [B, own S_v, X]: both branches of the guidance here, or the other one from the other half. */
async function predict(
  transformer: Pick<ShardedTransformer, "forward">,
  deal: DenoiseDeal,
  embeds: Float32Array,
  latents: Float32Array,
  timestep: number,
  signal: AbortSignal,
): Promise<Float32Array> {
  const { context, group, half, plan, denoise, size, layout } = deal;
  const guided = isGuided(denoise.guidanceScale);
  const branches = guided && plan.cfg === 1 ? 2 : 1;
  const video = new Float32Array(branches * latents.length);
  for (let branch = 0; branch < branches; branch++) video.set(latents, branch * latents.length);
  const batch = branches * denoise.batch;
  const output = await transformer.forward(
    context,
    {
      batch,
      size,
      layout,
      video,
      text: embeds,
      timestep: new Array<number>(batch).fill(timestep),
      compression: plan.activations,
    },
    signal,
  );
  if (!guided) return output;
  const scale = guidanceAt({ ...denoise, timestep });
  if (plan.cfg === 1)
    return guide(output.subarray(0, latents.length), output.subarray(latents.length), scale);
  if (latents.length === 0) return output;
  const peer = (group.rank + plan.context) % group.size;
  const theirs = floatsIn(await swap(group, peer, bytesOf(output), "guidance", signal));
  return half === 0 ? guide(output, theirs, scale) : guide(theirs, output, scale);
}

/** Agrees with the ranks of the half, so that none waits for one that has given up. The other half has the same rows. */
async function requireFinite(
  { context }: DenoiseDeal,
  rows: Float32Array,
  step: number,
  steps: number,
  signal: AbortSignal,
): Promise<void> {
  const shares = Array.from({ length: context.size }, (_, start) => ({ start, count: 1 }));
  const own = Uint8Array.of(isFiniteEverywhere(rows) ? 1 : 0);
  const shape = { batch: 1, rowBytes: 1, rows: shares };
  const all = await allGatherRows(context, own, shape, "finite", signal);
  if (all.every((finite) => finite === 1)) return;
  throw new ClusterError("numeric_error", `the latents hold NaN or infinity after step ${step} of ${steps}`, {
    details: { step },
  });
}
