// Whole generations: CogVideoXPipeline on a checkpoint, run by the stages that serve jobs.
// B videos, F frames or latent frames, C channels, H W rows and columns, L text tokens.
import { ClusterError } from "@cogfleet/core";
import {
  type Checkpoint,
  createPromptEncoder,
  createScheduler,
  type DenoisePlan,
  type DenoiseState,
  decodeLatents,
  denoiseStep,
  elements,
  encodePrompts,
  guidanceAt,
  isGuided,
  openCheckpoint,
  openTextEncoder,
  openTransformer,
  openVaeDecoder,
  type PromptEncoder,
  planDenoise,
  randn,
  type Scheduler,
  startDenoise,
  TorchGenerator,
  type Transformer,
  toFrames,
  toPixels,
  type VaeDecoder,
} from "@cogfleet/model";
import { openShardedTransformer } from "@cogfleet/parallel";
import { type CaseContext, type CaseRunner, withOpen } from "./case-runner.js";
import { claim, compareTensor, compareValues, EXACT, numbersOf, type Tolerance } from "./compare.js";
import { compareFrames } from "./compare-frames.js";
import type { GoldenTensors } from "./golden-case.js";
import {
  type CallArguments,
  type PipelineRun,
  pipelineSchema,
  type RunFacts,
  resolveCall,
  tokensSchema,
} from "./pipeline-run.js";
import { toleranceIn } from "./precision.js";
import { openVaeDecoderOnRanks } from "./sharded-components.js";
import { type ShardedSteps, startShardedSteps } from "./sharded-steps.js";

/** CogVideoXPipeline: ids, embeddings, noise, the latents of every step, guidance, draws and frames of every run. */
export const pipelineCase: CaseRunner = async (context, signal) => {
  const { golden } = context;
  const { config, runs, tolerance: stored } = golden.parse(pipelineSchema);
  const { precision } = context;
  const tolerance = {
    embeds: stored.embeds,
    latents: toleranceIn(precision, stored.latents),
    frames: toleranceIn(precision, stored.frames),
  };
  const expected = await golden.expected("expected.safetensors", signal);
  const facts = await golden.readJson("tokens.json", tokensSchema);
  const checkpoint = await openCheckpoint(golden.path(config), signal);
  await withComponents(checkpoint, context, signal, async (components) => {
    for (const run of runs) {
      const runFacts = facts[run.name];
      if (runFacts === undefined)
        throw new ClusterError("invalid_request", `tokens.json has no run ${run.name}`);
      const pipeline = { check: context.check, checkpoint, ...components };
      await checkRun(pipeline, { run, facts: runFacts, expected, tolerance }, signal);
    }
  });
};

interface Components {
  readonly prompts: PromptEncoder;
  readonly scheduler: Scheduler;
  /** Begins a denoise of so many text tokens. */
  readonly startSteps: (
    plan: DenoisePlan,
    embeds: Float32Array,
    start: DenoiseState,
    textTokens: number,
    signal: AbortSignal,
  ) => Promise<ShardedSteps>;
  readonly vaeDecoder: VaeDecoder;
}

/** Opens every part of a checkpoint once, for all runs. */
function withComponents(
  checkpoint: Checkpoint,
  { runtime, textRuntime, precision, ranks }: CaseContext,
  signal: AbortSignal,
  use: (components: Components) => Promise<void>,
): Promise<void> {
  const { textEncoder: t5, transformer: dit, vae, tokenizer } = checkpoint;
  const scheduler = createScheduler(checkpoint.scheduler);
  const openSteps = async (): Promise<Pick<Components, "startSteps"> & { close(): Promise<void> }> => {
    const parts = [runtime(), dit.config, dit.weights(), precision, signal] as const;
    if (ranks === 1) {
      const transformer = await openTransformer(...parts);
      const startSteps: Components["startSteps"] = async (plan, embeds, start) =>
        wholeSteps({ transformer, scheduler }, plan, embeds, start);
      return { startSteps, close: () => transformer.close() };
    }
    const transformer = await openShardedTransformer(...parts);
    return {
      startSteps: (plan, embeds, start, textTokens, startSignal) => {
        const sharded = { ranks, transformer, scheduler, config: dit.config, textTokens };
        return startShardedSteps(sharded, plan, embeds, start, startSignal);
      },
      close: () => transformer.close(),
    };
  };
  const openDecoder = (): Promise<VaeDecoder> =>
    ranks === 1
      ? openVaeDecoder(runtime(), vae.config, vae.weights(), precision, signal)
      : openVaeDecoderOnRanks(ranks, runtime(), vae.config, vae.weights, precision, signal);
  return withOpen(openTextEncoder(textRuntime(), t5.config, t5.weights(), "fp32", signal), (textEncoder) =>
    withOpen(openSteps(), ({ startSteps }) =>
      withOpen(openDecoder(), (vaeDecoder) =>
        use({ prompts: createPromptEncoder({ tokenizer, textEncoder }), scheduler, startSteps, vaeDecoder }),
      ),
    ),
  );
}

/** The steps of one rank. */
function wholeSteps(
  deps: { readonly transformer: Transformer; readonly scheduler: Scheduler },
  plan: DenoisePlan,
  embeds: Float32Array,
  start: DenoiseState,
): ShardedSteps {
  let state = start;
  return {
    async next(signal) {
      state = await denoiseStep(deps, plan, embeds, state, signal);
      return state;
    },
  };
}

interface Pipeline extends Components, Pick<CaseContext, "check"> {
  readonly checkpoint: Checkpoint;
}

interface Expectations {
  readonly run: PipelineRun;
  readonly facts: RunFacts;
  readonly expected: GoldenTensors;
  readonly tolerance: { readonly embeds: Tolerance; readonly latents: Tolerance; readonly frames: Tolerance };
}

async function checkRun(pipeline: Pipeline, expectations: Expectations, signal: AbortSignal): Promise<void> {
  const { check, checkpoint, scheduler } = pipeline;
  const { run, facts, expected, tolerance } = expectations;
  const call = resolveCall(run.call, checkpoint.transformer.config, checkpoint.vae.config);
  const compare = (what: string, dims: readonly number[], data: Float32Array, allowed: Tolerance): void =>
    check(compareTensor(`${run.name}.${what}`, { dims, data }, expected.get(`${run.name}.${what}`), allowed));

  checkIds(pipeline, run.name, call, facts);
  const { embeds, batch } = await encodePrompts(pipeline.prompts, call, signal);
  const width = checkpoint.textEncoder.config.dModel;
  const rows = isGuided(call.guidanceScale) ? 2 * batch : batch;
  compare("prompt_embeds", [rows, call.maxSequenceLength, width], embeds, tolerance.embeds);

  const config = { transformer: checkpoint.transformer.config, vae: checkpoint.vae.config };
  const plan = planDenoise(config, call, batch);
  const { frames, channels, height, width: columns } = plan.latents;
  const dims = [batch, frames, channels, height, columns];
  let state = startDenoise(plan, [TorchGenerator.seeded(run.seed)]);
  compare("initial_latents", dims, state.latents, tolerance.latents);

  const timesteps = scheduler.timesteps(call.numInferenceSteps);
  const steps = await pipeline.startSteps(plan, embeds, state, call.maxSequenceLength, signal);
  for (const i of timesteps.keys()) {
    state = await steps.next(signal);
    if (run.keep_steps === undefined || run.keep_steps.includes(i))
      compare(`latents_step${i}`, dims, state.latents, tolerance.latents);
  }
  checkFacts(check, run, facts, call, timesteps, state);
  if (run.output === "latent") return;
  await checkFrames(pipeline, expectations, plan, state.latents, signal);
}

function checkIds({ check, checkpoint }: Pipeline, name: string, call: CallArguments, facts: RunFacts): void {
  const compareIds = (
    what: string,
    texts: readonly string[],
    expected: readonly (readonly number[])[],
  ): void => {
    check(
      claim(
        `${name}.${what}.count`,
        texts.length === expected.length,
        `${texts.length} texts, expected ${expected.length}`,
      ),
    );
    for (const [i, text] of texts.entries()) {
      const { ids } = checkpoint.tokenizer.encode(text, call.maxSequenceLength);
      const padded = ids.map((_, at) => expected[i]?.[at] ?? 0);
      check(compareValues(`${name}.${what}.${i}`, ids, padded, EXACT));
    }
  };
  compareIds("input_ids", call.prompts, facts.input_ids);
  const guided = isGuided(call.guidanceScale);
  const problem = guided ? "no negative ids for a guided run" : "negative ids for a run without guidance";
  check(claim(`${name}.is_guided`, guided === (facts.negative_input_ids !== null), problem));
  if (facts.negative_input_ids !== null)
    compareIds("negative_input_ids", call.negativeTexts, facts.negative_input_ids);
}

/** Timesteps, guidance, and where the generator stands: exactly where the listed draws would have left it. */
function checkFacts(
  check: CaseContext["check"],
  run: PipelineRun,
  facts: RunFacts,
  call: CallArguments,
  timesteps: readonly number[],
  state: DenoiseState,
): void {
  check(compareValues(`${run.name}.timesteps`, timesteps, facts.timesteps, EXACT));
  const scales = timesteps.map((timestep) => guidanceAt({ ...call, timestep }));
  check(compareValues(`${run.name}.guidance_scales`, scales, facts.guidance_scales, { atol: 1e-8 }));
  const generator = TorchGenerator.seeded(run.seed);
  for (const [, shape] of facts.draws) randn(generator, elements(shape));
  const wanted = generator.state();
  const stands = state.generators[0];
  const isThere =
    stands?.index === wanted.index &&
    stands.nextNormal === wanted.nextNormal &&
    stands.words.every((word, i) => word === wanted.words[i]);
  check(
    claim(
      `${run.name}.draws`,
      isThere,
      "the generator does not stand where the draws of tokens.json leave it",
    ),
  );
}

async function checkFrames(
  { check, checkpoint, vaeDecoder }: Pipeline,
  { run, expected, tolerance }: Expectations,
  plan: DenoisePlan,
  latents: Float32Array,
  signal: AbortSignal,
): Promise<void> {
  const floats: Float32Array[] = [];
  const bytes: Uint8Array[] = [];
  let dims: readonly number[] = [];
  for (let index = 0; index < plan.batch; index++) {
    const options = { index, tiling: false };
    const video = await decodeLatents(vaeDecoder, checkpoint.vae.config, plan, latents, options, signal);
    floats.push(toFrames(video.sample, video.size));
    bytes.push(toPixels(video.sample, video.size));
    dims = [plan.batch, video.size.frames, video.size.height, video.size.width, 3];
  }
  const data = joined(floats, Float32Array);
  const wanted = expected.get(`${run.name}.frames`);
  check(compareTensor(`${run.name}.frames`, { dims, data }, wanted, tolerance.frames));
  if (run.uint8 !== true) return;
  const levels = { dims, data: joined(bytes, Uint8Array) };
  const name = `${run.name}.frames_uint8`;
  const expectedLevels = expected.get(name);
  check(
    tolerance.frames.relL2 === undefined
      ? compareFrames(name, levels, expectedLevels, numbersOf(wanted), tolerance.frames.atol)
      : compareTensor(name, levels, expectedLevels, tolerance.frames),
  );
}

function joined<T extends Float32Array | Uint8Array>(
  parts: readonly T[],
  array: new (length: number) => T,
): T {
  const whole = new array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
