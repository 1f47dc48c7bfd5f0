import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { neverAborts } from "@cogfleet/core";
import { elements } from "../session.js";
import { type Component, readTextEncoderFolder, readTransformerFolder, readVaeFolder } from "./component.js";
import { parseT5Config, parseTransformerConfig, parseVaeConfig } from "./config-parsers.js";
import { openCheckpoint } from "./folder.js";
import { inspect } from "./inspect.js";
import { decodeCacheElements, stageMemory } from "./memory.js";
import { t5Parameters, transformerParameters, vaeParameters } from "./parameters.js";

const repository = fileURLToPath(new URL("../../../../", import.meta.url));
const fixtures = join(repository, "test/fixtures");

// The released checkpoints, from their configs alone.
const cogVideoX2b = parseTransformerConfig("2b", {});
const cogVideoX5b = parseTransformerConfig("5b", {
  num_layers: 42,
  num_attention_heads: 48,
  use_rotary_positional_embeddings: true,
});
const vae = parseVaeConfig("vae", {});
const t5xxl = parseT5Config("t5", {
  d_model: 4096,
  d_ff: 10240,
  num_layers: 24,
  num_heads: 64,
  feed_forward_proj: "gated-gelu",
});

describe("parameters", () => {
  it("are those of the released checkpoints", () => {
    const billions = (count: number): string => (count / 1e9).toFixed(3);
    assert.equal(billions(transformerParameters(cogVideoX2b)), "1.694");
    assert.equal(billions(transformerParameters(cogVideoX5b)), "5.570");
    assert.equal(billions(t5Parameters(t5xxl)), "4.762");
    const { encoder, decoder } = vaeParameters(vae);
    assert.equal((encoder / 1e6).toFixed(1), "92.2");
    assert.equal((decoder / 1e6).toFixed(1), "123.4");
  });

  it("are as many as every golden checkpoint stores, in every form", async () => {
    let components = 0;
    const stored = ({ tensors }: Component<unknown>): number =>
      [...tensors.values()].reduce((sum, { dims }) => sum + elements(dims), 0);
    for (const folder of readdirSync(fixtures, { recursive: true, encoding: "utf8" })) {
      const path = join(fixtures, folder);
      if (/(\/transformer|weights-formats\/(f16|bf16|f32-sharded))$/.test(path)) {
        const component = await readTransformerFolder(path, neverAborts);
        assert.equal(transformerParameters(component.config), stored(component), path);
      } else if (/\/text_encoder$|t5-sharded$/.test(path)) {
        const component = await readTextEncoderFolder(path, neverAborts);
        assert.equal(t5Parameters(component.config), stored(component), path);
      } else if (path.endsWith("/vae") && path !== join(fixtures, "vae")) {
        const component = await readVaeFolder(path, neverAborts);
        const { encoder, decoder } = vaeParameters(component.config);
        assert.equal(encoder + decoder, stored(component), path);
      } else continue;
      components++;
    }
    assert.ok(components >= 20, `${components} components`);
  });
});

describe("stageMemory", () => {
  const shape = { numFrames: 49, height: 480, width: 720, textTokens: 226 };
  const configs = { transformer: cogVideoX2b, vae, textEncoder: t5xxl };

  it("counts the decoder's convolution cache as measured on diffusers", () => {
    assert.equal(decodeCacheElements(vae, 480, 720), 1_404_691_200);
    assert.equal((decodeCacheElements(vae, 768, 1360) * 2) / 1e9, 8.49057792);
  });

  it("counts the activations of the released 2B at 480x720", () => {
    const gigabytes = stageMemory(configs, shape, "fp32").map(({ activationBytes }) => activationBytes / 1e9);
    assert.deepEqual(
      gigabytes.map((value) => value.toFixed(2)),
      ["0.07", "4.40", "37.00"],
    );
  });

  it("halves with the element, but for the decoder, and decodes with less by tiles", () => {
    const full = stageMemory(configs, shape, "fp32");
    const half = stageMemory(configs, shape, "fp16");
    for (const [i, { stage, weightBytes, activationBytes }] of half.entries()) {
      // A float32 decoder's convolutions are laid out anew, and what that frees is kept.
      assert.equal(weightBytes * (stage === "decode" ? 4 : 2), full[i]?.weightBytes);
      assert.equal(activationBytes * 2, full[i]?.activationBytes);
    }
    const [, , tiled] = stageMemory(configs, shape, "fp32", true);
    assert.ok((tiled?.activationBytes ?? 0) < (full[2]?.activationBytes ?? 0) / 3);
  });

  it("decodes in float32 where bfloat16 is asked for", () => {
    const [, , decode] = stageMemory(configs, shape, "bf16");
    assert.deepEqual(decode, stageMemory(configs, shape, "fp32")[2]);
  });
});

describe("inspect", () => {
  it("shows what the demo holds and needs", async () => {
    const { components, shape, stages, peakBytes, refusesFp16 } = inspect(
      await openCheckpoint(join(repository, "models/demo"), neverAborts),
    );
    assert.deepEqual(
      components.map(({ name, parameters, types, storedBytes }) => [name, parameters, types, storedBytes]),
      [
        ["text_encoder", 106_944, ["float16"], 213_888],
        ["transformer", 1_835_680, ["float16"], 3_671_360],
        ["vae", 2_033_059, ["float16"], 4_066_118],
      ],
    );
    assert.deepEqual(shape, { numFrames: 17, height: 64, width: 64, textTokens: 32 });
    assert.deepEqual(
      stages.map(({ stage }) => stage),
      ["encode", "denoise", "decode"],
    );
    assert.equal(peakBytes.fp32, Math.max(...stages.map(({ bytes }) => bytes.fp32)));
    assert.equal(components[1]?.bytes.fp32, 4 * 1_835_680);
    assert.equal(refusesFp16, false);
  });
});
