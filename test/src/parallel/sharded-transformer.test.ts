import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import {
  openTransformer,
  patchify,
  readTransformerFolder,
  type TransformerConfig,
  type TransformerInput,
  tokenCount,
  tokenGrid,
  unpatchify,
} from "@cogfleet/model";
import {
  type Compression,
  contextLayout,
  openShardedTransformer,
  type Plan,
  type ShardedTransformer,
} from "@cogfleet/parallel";
import { cpuRuntime } from "../cpu-runtime.js";
import { assertClose, FIXTURES, readFloats, readJson } from "../golden-case.js";
import { onRanks, relativeL2 } from "./ranks.js";

interface Run {
  readonly name: string;
  readonly batch: number;
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  readonly timesteps: readonly number[];
  readonly ofs?: number;
}

interface Case {
  readonly runs: readonly Run[];
  readonly tolerance: { readonly atol: number };
}

const runtime = cpuRuntime();

/** Slow and fast ranks, more ranks than heads, ranks with text only, without rows, and without heads. */
const PLANS: Readonly<Record<string, Pick<Plan, "context" | "rates" | "columns" | "parts" | "runs">>> = {
  "one rank": { context: 1, rates: [1] },
  "two ranks": { context: 2, rates: [1, 1] },
  "two ranks, rows in three runs": { context: 2, rates: [1, 1], runs: 3 },
  "three unequal ranks": { context: 3, rates: [3, 1, 2], parts: 1 },
  "four ranks in one column": { context: 4, rates: [1, 1, 1, 1], columns: 1 },
  "five ranks, one of them idle": { context: 5, rates: [1, 2, 0, 1, 1], parts: 3, runs: 2 },
  "seven ranks": { context: 7, rates: [1, 1, 1, 1, 1, 1, 1] },
  "sixteen ranks": { context: 16, rates: Array.from({ length: 16 }, (_, i) => 1 + (i % 3)) },
};

/** The whole forward pass: rows dealt out, computed by all ranks, and put together again. */
async function forward(
  transformer: ShardedTransformer,
  config: TransformerConfig,
  plan: (typeof PLANS)[string],
  input: TransformerInput,
  compression?: Compression,
): Promise<Float32Array> {
  const { batch, frames, height, width, timestep, ofs } = input;
  const textTokens = input.encoderHiddenStates.length / batch / config.textEmbedDim;
  const size = { frames, height, width, textTokens };
  const patch = { p: config.patchSize, pT: config.patchSizeT ?? 1 };
  const shape = { batch, frames, height, width, channels: config.inChannels };
  const videoTokens = tokenCount(tokenGrid(shape, patch));
  const heads = config.numAttentionHeads;
  const layout = contextLayout({ cfg: 1, ...plan }, { heads, textTokens, videoTokens });
  const sample = new Float32Array(batch * frames * config.outChannels * height * width);
  await onRanks(plan.context, async (group) => {
    const [text, video] = [layout.text[group.rank], layout.video[group.rank]];
    assert.ok(text !== undefined && video !== undefined);
    const range = { from: video.start, to: video.start + video.count };
    const textRows = Array.from({ length: batch }, (_, b) => {
      const start = (b * textTokens + text.start) * config.textEmbedDim;
      return [...input.encoderHiddenStates.subarray(start, start + text.count * config.textEmbedDim)];
    });
    const own = await transformer.forward(
      group,
      {
        batch,
        size,
        layout,
        video: patchify(input.hiddenStates, shape, patch, range),
        text: Float32Array.from(textRows.flat()),
        timestep,
        ofs,
        compression,
      },
      neverAborts,
    );
    unpatchify(own, sample, { ...shape, channels: config.outChannels }, patch, range);
  });
  return sample;
}

for (const name of [
  "transformer-2b",
  "transformer-5b",
  "transformer-15",
  "transformer-i2v",
  "transformer-i2v-15",
]) {
  describe(`the sharded transformer of ${name}`, async () => {
    const { runs, tolerance } = readJson<Case>(name, "case.json");
    const folder = join(FIXTURES, name, "transformer");
    const { config, weights } = await readTransformerFolder(folder, neverAborts);
    const inputs = await readFloats(name, "inputs.safetensors");
    const expected = await readFloats(name, "expected.safetensors");
    const whole = await openTransformer(runtime, config, weights(), "fp32", neverAborts);
    const sharded = await openShardedTransformer(runtime, config, weights(), "fp32", neverAborts);

    for (const [title, plan] of Object.entries(PLANS))
      it(`computes the golden output on ${title}`, async () => {
        for (const run of runs) {
          const input = {
            ...run,
            hiddenStates: inputs(`${run.name}.hidden_states`),
            encoderHiddenStates: inputs(`${run.name}.encoder_hidden_states`),
            timestep: run.timesteps,
          };
          const sample = await forward(sharded, config, plan, input);
          assertClose(sample, expected(`${run.name}.sample`), tolerance.atol);
          const alone = await whole.forward(input, neverAborts);
          const difference = relativeL2(sample, alone);
          assert.ok(difference < 1e-6, `${run.name}: ${difference} from one rank`);
        }
      });
  });
}

describe("a sharded transformer that exchanges compressed activations", () => {
  it("stays near the exact output, and is not it", async () => {
    const folder = join(FIXTURES, "transformer-5b");
    const { config, weights } = await readTransformerFolder(join(folder, "transformer"), neverAborts);
    const sharded = await openShardedTransformer(runtime, config, weights(), "fp32", neverAborts);
    const { runs } = readJson<Case>("transformer-5b", "case.json");
    const [run] = runs;
    assert.ok(run !== undefined);
    const inputs = await readFloats("transformer-5b", "inputs.safetensors");
    const input = {
      ...run,
      hiddenStates: inputs(`${run.name}.hidden_states`),
      encoderHiddenStates: inputs(`${run.name}.encoder_hidden_states`),
      timestep: run.timesteps,
    };
    const plan = { context: 2, rates: [1, 1], runs: 2 };
    const exact = await forward(sharded, config, plan, input);
    const error = async (compression: Compression): Promise<number> =>
      relativeL2(await forward(sharded, config, plan, input, compression), exact);
    const [bf16, int8] = [await error("bf16"), await error("int8")];
    assert.ok(bf16 > 1e-5 && bf16 < 4e-3, `bf16 is off by ${bf16}`);
    assert.ok(int8 > bf16 && int8 < 2e-2, `int8 is off by ${int8}`);
  });

  it("is refused where the cuts are 16 bits already", async () => {
    const folder = join(FIXTURES, "transformer-2b");
    const { config, weights } = await readTransformerFolder(join(folder, "transformer"), neverAborts);
    const sharded = await openShardedTransformer(runtime, config, weights(), "fp16", neverAborts);
    const { runs } = readJson<Case>("transformer-2b", "case.json");
    const [run] = runs;
    assert.ok(run !== undefined);
    const inputs = await readFloats("transformer-2b", "inputs.safetensors");
    const input = {
      ...run,
      hiddenStates: inputs(`${run.name}.hidden_states`),
      encoderHiddenStates: inputs(`${run.name}.encoder_hidden_states`),
      timestep: run.timesteps,
    };
    await assert.rejects(forward(sharded, config, { context: 2, rates: [1, 1] }, input, "int8"), {
      code: "invalid_request",
      message: /leave it out/,
    });
  });
});

describe("a sharded transformer in half precision", () => {
  it("carries float16 over the cuts", async () => {
    const folder = join(FIXTURES, "transformer-2b");
    const { config, weights } = await readTransformerFolder(join(folder, "transformer"), neverAborts);
    const sharded = await openShardedTransformer(runtime, config, weights(), "fp16", neverAborts);
    const inputs = await readFloats("transformer-2b", "inputs.safetensors");
    const expected = await readFloats("transformer-2b", "expected.safetensors");
    const run = readJson<Case>("transformer-2b", "case.json").runs.find(({ name }) => name === "native");
    assert.ok(run !== undefined);
    const input = {
      ...run,
      hiddenStates: inputs("native.hidden_states"),
      encoderHiddenStates: inputs("native.encoder_hidden_states"),
      timestep: run.timesteps,
    };
    const sample = await forward(sharded, config, { context: 3, rates: [1, 2, 1] }, input);
    const error = relativeL2(sample, expected("native.sample"));
    assert.ok(error > 1e-5 && error < 5e-3, `rel L2 ${error}`); // 11 bits, and a few layers of it
  });

  it("refuses fp16 for a rotary checkpoint", async () => {
    const folder = join(FIXTURES, "transformer-5b", "transformer");
    const { config, weights } = await readTransformerFolder(folder, neverAborts);
    await assert.rejects(openShardedTransformer(runtime, config, weights(), "fp16", neverAborts), {
      code: "unsupported",
    });
  });
});
