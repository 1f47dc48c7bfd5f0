import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import {
  type Checkpoint,
  createPromptEncoder,
  type DenoiseState,
  type GeneratedVideo,
  openCheckpoint,
  openTextEncoder,
  openTransformer,
  openVaeDecoder,
  type ResolvedArguments,
  type TextToVideoComponents,
  textToVideo,
} from "@cogfleet/model";
import {
  type MemoryGroups,
  memoryGroups,
  ONE_RANK,
  openShardedTransformer,
  type Plan,
  planSize,
  type ShardedComponents,
  shardedTextToVideo,
  unsharded,
} from "@cogfleet/parallel";
import { cpuRuntime } from "../cpu-runtime.js";
import { FIXTURES, readJson } from "../golden-case.js";
import { onRanks, relativeL2 } from "./ranks.js";

interface Run {
  readonly name: string;
  readonly seed: number;
  readonly call: {
    readonly prompt: string | readonly string[];
    readonly negative_prompt?: string;
    readonly height?: number;
    readonly width?: number;
    readonly num_frames?: number;
    readonly num_inference_steps: number;
    readonly guidance_scale: number;
    readonly use_dynamic_cfg?: boolean;
    readonly max_sequence_length?: number;
  };
}

const runtime = cpuRuntime();

const serial = { kind: "serial" } as const;
const even = (size: number): readonly number[] => Array.from({ length: size }, () => 1);

const PLANS: Readonly<Record<string, Plan>> = {
  "two ranks": { cfg: 1, context: 2, rates: even(2), vae: serial },
  "two halves": { cfg: 2, context: 1, rates: even(2), vae: serial },
  "three unequal ranks": { cfg: 1, context: 3, rates: [2, 1, 3], vae: serial },
  "two halves of two, one rank slow": { cfg: 2, context: 2, rates: [1, 1, 0.5, 1], vae: serial },
  "five ranks": { cfg: 1, context: 5, rates: even(5), vae: serial },
  "two halves of seven": { cfg: 2, context: 7, rates: even(14), vae: serial },
};

/** At most this many steps of a run: a difference between ranks shows in the first. */
const MOST_STEPS = 5;

interface Opened {
  readonly whole: TextToVideoComponents;
  componentsOf(plan: Plan): ShardedComponents;
}

async function open(folder: string): Promise<Opened> {
  const checkpoint: Checkpoint = await openCheckpoint(folder, neverAborts);
  const { transformer, vae, textEncoder, scheduler, tokenizer } = checkpoint;
  const config = { transformer: transformer.config, vae: vae.config, scheduler };
  const t5 = await openTextEncoder(runtime, textEncoder.config, textEncoder.weights(), "fp32", neverAborts);
  const prompts = createPromptEncoder({ tokenizer, textEncoder: t5 });
  const vaeDecoder = await openVaeDecoder(runtime, vae.config, vae.weights(), "fp32", neverAborts);
  const weights = transformer.weights;
  const whole = await openTransformer(runtime, transformer.config, weights(), "fp32", neverAborts);
  const segments = await openShardedTransformer(runtime, transformer.config, weights(), "fp32", neverAborts);
  return {
    whole: { config, prompts, transformer: whole, vaeDecoder },
    componentsOf: (plan) => ({
      config,
      prompts,
      transformer: plan.context === 1 ? unsharded(whole, transformer.config) : segments,
      decode: async (_group, _plan, latents, size, options, signal) =>
        latents && vaeDecoder.decode(latents, size, options, signal),
    }),
  };
}

function argumentsOf({ seed, call }: Run, { config }: TextToVideoComponents): ResolvedArguments {
  assert.ok(typeof call.prompt === "string");
  const { sampleHeight, sampleWidth, sampleFrames } = config.transformer;
  return {
    prompt: call.prompt,
    negativePrompt: call.negative_prompt ?? "",
    seed,
    numInferenceSteps: Math.min(MOST_STEPS, call.num_inference_steps),
    guidanceScale: call.guidance_scale,
    useDynamicCfg: call.use_dynamic_cfg ?? false,
    scheduler: config.scheduler.kind,
    numFrames: call.num_frames ?? sampleFrames,
    height: call.height ?? sampleHeight * 8,
    width: call.width ?? sampleWidth * 8,
    fps: 8,
    maxSequenceLength: call.max_sequence_length ?? 226,
    vaeTiling: false,
  };
}

/** Every rank's outcome; rank 0's video, and the states that it was told of. */
async function generate(
  opened: Opened,
  plan: Plan,
  args: ResolvedArguments,
  start?: DenoiseState,
): Promise<{ readonly video: GeneratedVideo; readonly states: readonly DenoiseState[] }> {
  const components = opened.componentsOf(plan);
  const states: DenoiseState[] = [];
  const videos = await onRanks(planSize(plan), (group) => {
    const hooks = {
      onStep: (state: DenoiseState) => {
        assert.equal(group.rank, 0);
        states.push(state);
      },
    };
    return shardedTextToVideo(
      components,
      group,
      plan,
      args,
      group.rank === 0 ? start : undefined,
      hooks,
      neverAborts,
    );
  });
  const [video, ...others] = videos;
  assert.ok(video !== undefined);
  assert.ok(others.every((other) => other === undefined));
  return { video, states };
}

for (const name of ["pipeline-t2v", "pipeline-t2v-dpm", "pipeline-15", "pipeline-demo"]) {
  describe(`the ranks of ${name}`, async () => {
    const { config, runs } = readJson<{ readonly config: string; readonly runs: readonly Run[] }>(
      name,
      "case.json",
    );
    const opened = await open(join(FIXTURES, name, config));
    const single = runs.filter(({ call }) => typeof call.prompt === "string");

    for (const run of name === "pipeline-demo" ? single.slice(2) : single) {
      const args = argumentsOf(run, opened.whole);
      const guided = args.guidanceScale > 1;
      it(`make the video ${run.name} that one rank makes`, async () => {
        const alone = await textToVideo(opened.whole, args, {}, neverAborts);
        const { video: one } = await generate(opened, ONE_RANK, args);
        assert.deepEqual(one.latents, alone.latents);
        assert.deepEqual(one.sample, alone.sample);
        for (const [title, plan] of Object.entries(PLANS)) {
          if (plan.cfg === 2 && !guided) continue;
          const { video, states } = await generate(opened, plan, args);
          assert.deepEqual(video.latentDims, alone.latentDims);
          assert.deepEqual(video.size, alone.size);
          const difference = relativeL2(video.latents, alone.latents);
          assert.ok(difference <= 1e-5, `${title}: latents differ by ${difference}`);
          assert.deepEqual(states.at(-1)?.latents, video.latents);
        }
      });
    }
  });
}

describe("ranks that go on", async () => {
  const opened = await open(join(FIXTURES, "pipeline-t2v-dpm", "model"));
  const [run] = readJson<{ readonly runs: readonly Run[] }>("pipeline-t2v-dpm", "case.json").runs;
  assert.ok(run !== undefined);
  const args = argumentsOf(run, opened.whole);
  const [two, halves] = [PLANS["two ranks"], PLANS["two halves of two, one rank slow"]];
  assert.ok(two !== undefined && halves !== undefined);

  it("make the same video from a state in the middle, with another plan", async () => {
    const { video, states } = await generate(opened, two, args);
    const middle = states[1];
    assert.ok(middle !== undefined && middle.step === 2);
    const { video: same } = await generate(opened, two, args, structuredClone(middle));
    assert.deepEqual(same.latents, video.latents);
    const { video: other, states: rest } = await generate(opened, halves, args, middle);
    assert.equal(rest[0]?.step, 3);
    assert.ok(relativeL2(other.latents, video.latents) <= 1e-5);
  });

  it("decode at once when all steps are done", async () => {
    const { video, states } = await generate(opened, two, args);
    const { video: same, states: none } = await generate(opened, two, args, states.at(-1));
    assert.deepEqual(none, []);
    assert.deepEqual(same.sample, video.sample);
  });

  it("end with peer_lost on every rank when one is lost, whatever is under way", async () => {
    const whatever = [
      "layer0.0.0.in",
      "layer1.0.0.out",
      "guidance",
      "half0.latents",
      "half0.finite",
      "embeds",
    ];
    for (const tag of whatever) {
      let step = 0;
      const ranks: MemoryGroups = memoryGroups(planSize(halves), {
        beforeTransfer: async (message) => {
          if (message.tag.endsWith(tag) && (step === 1 || tag === "embeds")) ranks.kill(3);
        },
      });
      const hooks = {
        onStep: (state: DenoiseState) => {
          step = state.step;
        },
      };
      const components = opened.componentsOf(halves);
      const outcomes: readonly PromiseSettledResult<unknown>[] = await Promise.allSettled(
        ranks.groups.map((group) =>
          shardedTextToVideo(components, group, halves, args, undefined, hooks, neverAborts),
        ),
      );
      const codes = outcomes.map((o) =>
        o.status === "rejected" ? ClusterError.from(o.reason).code : "video",
      );
      assert.deepEqual(codes, Array(4).fill("peer_lost"), tag);
    }
  });

  it("refuse two halves without guidance, on every rank", async () => {
    await assert.rejects(generate(opened, halves, { ...args, guidanceScale: 1 }), {
      code: "invalid_request",
      message: /cfg=2 needs guidance/,
    });
  });
});
