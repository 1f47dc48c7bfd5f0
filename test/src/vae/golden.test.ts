import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import {
  type FrameSize,
  openVaeDecoder,
  openVaeEncoder,
  posteriorDraw,
  posteriorMode,
  randn,
  readVaeFolder,
  scaleImageLatents,
  type TilingOptions,
  TorchGenerator,
  type VaeConfig,
  type VaeDecoder,
  type VaeEncoder,
} from "@cogfleet/model";
import { cpuRuntime } from "../cpu-runtime.js";
import { assertClose, FIXTURES, readFloats, readJson } from "../golden-case.js";

interface Run extends FrameSize {
  readonly name: string;
  readonly batch?: number;
  readonly scaled?: boolean;
  readonly prefixes?: readonly number[];
  readonly draw_seed?: number;
  readonly tiling?: Readonly<
    Record<`tile_sample_min_${"height" | "width"}` | `tile_overlap_factor_${"height" | "width"}`, number>
  >;
}

interface Case {
  readonly decode: readonly Run[];
  readonly encode: readonly Run[];
  readonly tolerance: { readonly atol: number };
}

const { decode, encode, tolerance } = readJson<Case>("vae", "case.json");
const { atol } = tolerance;

const runtime = cpuRuntime();
let config: VaeConfig;
let decoder: VaeDecoder;
let encoder: VaeEncoder;
before(async () => {
  const folder = await readVaeFolder(join(FIXTURES, "vae", "vae"), neverAborts);
  config = folder.config;
  decoder = await openVaeDecoder(runtime, config, folder.weights(), "fp32", neverAborts);
  encoder = await openVaeEncoder(runtime, config, folder.weights(), "fp32", neverAborts);
});

function tilingOf({ tiling }: Run): false | TilingOptions {
  if (tiling === undefined) return false;
  return {
    tileSampleMinHeight: tiling.tile_sample_min_height,
    tileSampleMinWidth: tiling.tile_sample_min_width,
    tileOverlapFactorHeight: tiling.tile_overlap_factor_height,
    tileOverlapFactorWidth: tiling.tile_overlap_factor_width,
  };
}

/** The first frames of [C, F, H, W]. */
function firstFrames(data: Float32Array, channels: number, frames: number, kept: number): Float32Array {
  const frame = data.length / channels / frames;
  return data.filter((_, i) => Math.floor(i / frame) % frames < kept);
}

describe("the VAE decoder", () => {
  for (const run of decode) {
    const { name, frames, height, width, batch = 1 } = run;
    it(`decodes ${name} as diffusers does`, async () => {
      const latents = (await readFloats("vae", "inputs.safetensors"))(`${name}.latents`);
      const expected = await readFloats("vae", "expected.safetensors");
      const scaled = Math.fround(1 / config.scalingFactor);
      for (const [what, factor] of [
        ["sample", 1],
        ...(run.scaled ? [["scaled", scaled] as const] : []),
      ] as const)
        for (let b = 0; b < batch; b++) {
          const rowOf = (all: Float32Array): Float32Array =>
            all.slice((all.length / batch) * b, (all.length / batch) * (b + 1));
          const input = rowOf(latents).map((value) => value * factor);
          const { sample } = await decoder.decode(
            input,
            { frames, height, width },
            { tiling: tilingOf(run) },
            neverAborts,
          );
          assertClose(sample, rowOf(expected(`${name}.${what}`)), atol);
        }
    });

    for (const prefix of run.prefixes ?? [])
      it(`decodes the first ${prefix} latent frames of ${name} to its first frames`, async () => {
        const latents = (await readFloats("vae", "inputs.safetensors"))(`${name}.latents`);
        const whole = await decoder.decode(
          latents,
          { frames, height, width },
          { tiling: false },
          neverAborts,
        );
        const part = await decoder.decode(
          firstFrames(latents, config.latentChannels, frames, prefix),
          { frames: prefix, height, width },
          { tiling: false },
          neverAborts,
        );
        assert.deepEqual(part.sample, firstFrames(whole.sample, 3, whole.size.frames, part.size.frames));
      });
  }
});

describe("the VAE encoder", () => {
  for (const run of encode) {
    const { name, frames, height, width } = run;
    it(`encodes ${name} as diffusers does`, async () => {
      const video = (await readFloats("vae", "inputs.safetensors"))(`${name}.frames`);
      const expected = await readFloats("vae", "expected.safetensors");
      const { moments } = await encoder.encode(
        video,
        { frames, height, width },
        { tiling: tilingOf(run) },
        neverAborts,
      );
      assertClose(moments, expected(`${name}.moments`), atol);
      assertClose(posteriorMode(moments), expected(`${name}.mode`), atol);
      if (run.draw_seed === undefined) return;
      const generator = TorchGenerator.seeded(run.draw_seed);
      const draw = posteriorDraw(moments, (count) => randn(generator, count));
      assertClose(draw, expected(`${name}.draw`), atol);
      for (const [key, invertScaleLatents] of [
        ["image_latents", false],
        ["image_latents_inverted", true],
      ] as const)
        assertClose(
          scaleImageLatents(draw, { ...config, invertScaleLatents }),
          expected(`${name}.${key}`),
          atol,
        );
    });
  }
});
