import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import {
  openTransformer,
  positionInputs,
  readTransformerFolder,
  type Transformer,
  type TransformerConfig,
} from "@cogfleet/model";
import { cpuRuntime } from "../cpu-runtime.js";
import { assertClose, FIXTURES, readFloats, readJson } from "../golden-case.js";

interface Run {
  readonly name: string;
  readonly batch: number;
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  readonly text_length?: number;
  readonly timesteps: readonly number[];
  readonly ofs?: number;
}

interface Case {
  readonly runs: readonly Run[];
  readonly errors: readonly Run[];
  readonly tolerance: { readonly atol: number };
}

const runtime = cpuRuntime();

async function open(...folder: readonly string[]): Promise<[Transformer, TransformerConfig]> {
  const { config, weights } = await readTransformerFolder(join(FIXTURES, ...folder), neverAborts);
  return [await openTransformer(runtime, config, weights(), "fp32", neverAborts), config];
}

function input(run: Run, hiddenStates: Float32Array, encoderHiddenStates: Float32Array) {
  const { batch, frames, height, width, timesteps: timestep, ofs } = run;
  return { batch, frames, height, width, hiddenStates, encoderHiddenStates, timestep, ofs };
}

for (const name of [
  "transformer-2b",
  "transformer-5b",
  "transformer-15",
  "transformer-i2v",
  "transformer-i2v-15",
]) {
  describe(`the transformer of ${name}`, () => {
    const { runs, errors, tolerance } = readJson<Case>(name, "case.json");

    it("computes what diffusers computes, in one session for every size", async () => {
      const inputs = await readFloats(name, "inputs.safetensors");
      const expected = await readFloats(name, "expected.safetensors");
      const [transformer] = await open(name, "transformer");
      for (const run of runs) {
        const sample = await transformer.forward(
          input(run, inputs(`${run.name}.hidden_states`), inputs(`${run.name}.encoder_hidden_states`)),
          neverAborts,
        );
        assertClose(sample, expected(`${run.name}.sample`), tolerance.atol);
      }
      await transformer.close();
    });

    it("refuses the sizes that diffusers refuses", async () => {
      const [transformer, config] = await open(name, "transformer");
      for (const run of errors) {
        const text = run.batch * (run.text_length ?? config.maxTextSeqLength) * config.textEmbedDim;
        const video = run.batch * run.frames * config.inChannels * run.height * run.width;
        await assert.rejects(
          transformer.forward(input(run, new Float32Array(video), new Float32Array(text)), neverAborts),
          { code: "invalid_request" },
          run.name,
        );
      }
      await transformer.close();
    });
  });
}

describe("rotary positions", () => {
  // The fixtures hold both values of a pair, for the video's rows only.
  for (const name of ["transformer-5b", "transformer-15"]) {
    it(`are diffusers' in every run of ${name}`, async () => {
      const { runs } = readJson<Case>(name, "case.json");
      const expected = await readFloats(name, "expected.safetensors");
      const { config } = await readTransformerFolder(join(FIXTURES, name, "transformer"), neverAborts);
      for (const run of runs) {
        const textTokens = 3;
        const rows = positionInputs(config, { ...run, textTokens });
        const text = (textTokens * config.attentionHeadDim) / 2;
        for (const part of ["rotary_cos", "rotary_sin"]) {
          const actual = rows[part]?.data;
          assert.ok(actual instanceof Float32Array);
          assertClose(
            actual.subarray(0, text),
            new Float32Array(text).fill(part === "rotary_cos" ? 1 : 0),
            0,
          );
          const video = expected(`${run.name}.${part}`).filter((_, i) => i % 2 === 0);
          assertClose(actual.subarray(text), video, 6e-8); // one last bit: torch's cos is not always rounded right
        }
      }
    });
  }
});

describe("a transformer stored in another way", () => {
  const { tolerance } = readJson<Case>("weights-formats", "case.json");

  for (const format of ["f16", "bf16", "f32-sharded"]) {
    it(`computes in float32 from ${format} weights`, async () => {
      const inputs = await readFloats("weights-formats", "inputs.safetensors");
      const expected = await readFloats("weights-formats", "expected.safetensors");
      const run = readJson<Case>("transformer-2b", "case.json").runs.find(({ name }) => name === "native");
      assert.ok(run !== undefined);
      const [transformer] = await open("weights-formats", format);
      const sample = await transformer.forward(
        input(run, inputs("native.hidden_states"), inputs("native.encoder_hidden_states")),
        neverAborts,
      );
      assertClose(sample, expected(`${format}.sample`), tolerance.atol);
      await transformer.close();
    });
  }
});

describe("opening a transformer", () => {
  it("refuses fp16 for a rotary checkpoint, with the reason", async () => {
    const { config, weights } = await readTransformerFolder(
      join(FIXTURES, "transformer-5b", "transformer"),
      neverAborts,
    );
    await assert.rejects(openTransformer(runtime, config, weights(), "fp16", neverAborts), {
      code: "unsupported",
      message: /overflow to NaN/,
    });
  });

  it("refuses weights that the config does not ask for", async () => {
    const { config, weights } = await readTransformerFolder(
      join(FIXTURES, "transformer-2b", "transformer"),
      neverAborts,
    );
    await assert.rejects(
      openTransformer(runtime, { ...config, numLayers: 2 }, weights(), "fp32", neverAborts),
      { code: "invalid_checkpoint", message: /transformer_blocks\.2/ },
    );
  });
});
