import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, neverAborts } from "@cogfleet/core";
import { openVaeDecoder, parseVaeConfig, readVaeFolder } from "@cogfleet/model";
import { startThreadRuntime } from "@cogfleet/ort";
import { weightsAskedFor, writeRandomWeights } from "./random-weights.js";
import { type BenchResult, median, spread } from "./report.js";
import { chunkArithmeticGraph, chunkFlops } from "./vae-arithmetic.js";
import { vaeRanksBench } from "./vae-ranks.js";

export interface VaeDecodeOptions {
  readonly threads: number;
  /** How often our decoder and the bare convolutions are run, in turn. */
  readonly repeats: number;
  onResult(result: BenchResult): void;
}

/** Half as wide as the released VAEs, with one resnet a block where they have three. */
const VAE = {
  _class_name: "AutoencoderKLCogVideoX",
  block_out_channels: [64, 128, 128, 256],
  latent_channels: 16,
  layers_per_block: 1,
  norm_num_groups: 32,
};

/** As wide as the released VAEs: what a cut costs is bytes, so it weighs as much as there. */
const WIDE_VAE = { ...VAE, block_out_channels: [128, 256, 256, 512] };
const SMALL_CHUNK = { frames: 2, height: 8, width: 8 }; // 8 frames of 64 x 64

const CHUNKS = 2;
const CHUNK = { frames: 2, height: 12, width: 16 }; // 8 frames of 96 x 128

/** Decoding against its limits: on one worker the bare convolutions, on two each one's own chunks. */
export async function vaeDecodeBench(options: VaeDecodeOptions, clock: Clock): Promise<BenchResult[]> {
  const folder = await mkdtemp(join(tmpdir(), "cogfleet-bench-"));
  try {
    await writeRandomVae(folder, VAE);
    const results = [await oneWorker(folder, options, clock)];
    for (const result of results) options.onResult(result);
    await writeRandomVae(folder, WIDE_VAE);
    for (const chunksOfRank of [2, 1]) {
      const rows = await vaeRanksBench({ ...options, folder, chunk: SMALL_CHUNK, chunksOfRank });
      for (const result of rows) options.onResult(result);
      results.push(...rows);
    }
    return results;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function oneWorker(
  folder: string,
  { threads, repeats }: VaeDecodeOptions,
  clock: Clock,
): Promise<BenchResult> {
  const device = { kind: "cpu", index: 0 } as const;
  const runtime = startThreadRuntime({ device, precision: "fp32", threads, spin: false });
  try {
    const { config, weights } = await readVaeFolder(folder, neverAborts);
    const decoder = await openVaeDecoder(runtime, config, weights(), "fp32", neverAborts);
    const bare = await runtime.open(chunkArithmeticGraph(config, weights(), CHUNK), neverAborts);
    const size = { ...CHUNK, frames: CHUNKS * CHUNK.frames };
    const count = config.latentChannels * size.frames * size.height * size.width;
    const latents = Float32Array.from({ length: count }, (_, i) => Math.sin(i * i));
    const decode = () => decoder.decode(latents, size, { tiling: false }, neverAborts);
    const convolve = () =>
      bare.run({ value: { type: "float32", data: Float32Array.of(1), dims: [1] } }, neverAborts);
    const seconds = async (body: () => Promise<unknown>): Promise<number> => {
      const start = clock.now();
      await body();
      return (clock.now() - start) / 1000;
    };

    await seconds(decode); // the first runs of a session allocate
    await seconds(convolve);
    const pairs: { readonly ours: number; readonly limit: number }[] = [];
    for (let i = 0; i < repeats; i++)
      pairs.push({ ours: await seconds(decode), limit: CHUNKS * (await seconds(convolve)) });
    const ours = median(pairs.map((pair) => pair.ours));
    const limit = median(pairs.map((pair) => pair.limit));
    const gflop = (CHUNKS * chunkFlops(config, CHUNK)) / 1e9;
    return {
      bench: "vae-decode",
      ...spread(pairs.map((pair) => pair.ours / pair.limit)),
      goal: 1.15,
      better: "lower",
      what: "decoding on one worker / the 3 x 3 x 3 and 3 x 3 convolutions alone, in diffusers' shapes",
      figures: {
        threads,
        repeats,
        decode_seconds: ours,
        limit_seconds: limit,
        decode_gflops_per_second: gflop / ours,
        limit_gflops_per_second: gflop / limit,
      },
    };
  } finally {
    await runtime.close();
  }
}

async function writeRandomVae(folder: string, vae: typeof VAE): Promise<void> {
  const config = parseVaeConfig("vae", vae);
  const shapes = await weightsAskedFor((runtime, weights) =>
    openVaeDecoder(runtime, config, weights, "fp32", neverAborts),
  );
  await writeFile(join(folder, "config.json"), JSON.stringify(vae));
  await writeRandomWeights(join(folder, "diffusion_pytorch_model.safetensors"), shapes, 1, neverAborts);
}
