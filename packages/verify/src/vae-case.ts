// AutoencoderKLCogVideoX: decoding and encoding. B batch, C channels, F frames or latent frames, H W rows and columns.
import {
  type FrameSize,
  floatsOf,
  openVaeDecoder,
  openVaeEncoder,
  posteriorDraw,
  posteriorMode,
  randn,
  readVaeFolder,
  scaleImageLatents,
  TorchGenerator,
  type VaeDecoder,
  type VaeEncoder,
} from "@cogfleet/model";
import * as z from "zod";
import { type CaseRunner, withOpen } from "./case-runner.js";
import { compareTensor, compareValues } from "./compare.js";
import { type GoldenTensors, tolerance } from "./golden-case.js";
import { toleranceIn } from "./precision.js";
import { openVaeDecoderOnRanks, openVaeEncoderOnRanks } from "./sharded-components.js";
import { fiveOf } from "./transformer-case.js";

const tiling = z
  .object({
    tile_sample_min_height: z.number().positive().optional(),
    tile_sample_min_width: z.number().positive().optional(),
    tile_overlap_factor_height: z.number().optional(),
    tile_overlap_factor_width: z.number().optional(),
  })
  .transform((given) => ({
    ...(given.tile_sample_min_height === undefined
      ? {}
      : { tileSampleMinHeight: given.tile_sample_min_height }),
    ...(given.tile_sample_min_width === undefined ? {} : { tileSampleMinWidth: given.tile_sample_min_width }),
    ...(given.tile_overlap_factor_height === undefined
      ? {}
      : { tileOverlapFactorHeight: given.tile_overlap_factor_height }),
    ...(given.tile_overlap_factor_width === undefined
      ? {}
      : { tileOverlapFactorWidth: given.tile_overlap_factor_width }),
  }));

const run = z.object({ name: z.string(), tiling: tiling.optional() });
const schema = z.object({
  decode: z
    .array(
      run.extend({ scaled: z.boolean().default(false), prefixes: z.array(z.number().int()).default([]) }),
    )
    .default([]),
  encode: z.array(run.extend({ draw_seed: z.number().int().nonnegative().optional() })).default([]),
  tolerance,
});
type Schema = z.infer<typeof schema>;

/** The VAE, whole and tiled: samples, prefixes of them, moments, and latents drawn from them. */
export const vaeCase: CaseRunner = async ({ golden, check, runtime, precision, ranks }, signal) => {
  const { decode, encode, tolerance: stored } = golden.parse(schema);
  const close = toleranceIn(precision, stored);
  const inputs = await golden.inputs("inputs.safetensors", signal);
  const expected = await golden.expected("expected.safetensors", signal);
  const { config, weights } = await readVaeFolder(golden.path("vae"), signal);
  const compare = (name: string, { dims, data }: Batch): void =>
    check(compareTensor(name, { dims, data }, expected.get(name), close));

  const openDecoder = (): Promise<VaeDecoder> =>
    ranks === 1
      ? openVaeDecoder(runtime(), config, weights(), precision, signal)
      : openVaeDecoderOnRanks(ranks, runtime(), config, weights, precision, signal);
  const openEncoder = (): Promise<VaeEncoder> =>
    ranks === 1
      ? openVaeEncoder(runtime(), config, weights(), precision, signal)
      : openVaeEncoderOnRanks(ranks, runtime(), config, weights, precision, signal);
  await withOpen(openDecoder(), async (decoder) => {
    for (const { name, scaled, prefixes, ...options } of decode) {
      const latents = batchOf(inputs, `${name}.latents`);
      const whole = await decodeBatch(decoder, latents, options, signal);
      compare(`${name}.sample`, whole);
      if (scaled) {
        const scale = Math.fround(1 / config.scalingFactor);
        const data = latents.data.map((value) => scale * value);
        compare(`${name}.scaled`, await decodeBatch(decoder, { ...latents, data }, options, signal));
      }
      for (const frames of prefixes) {
        const part = await decodeBatch(decoder, firstFrames(latents, frames), options, signal);
        const wanted = firstFrames(batchOf(expected, `${name}.sample`), part.dims[2]);
        check(compareValues(`${name}.sample.prefix${frames}`, part.data, wanted.data, close));
      }
    }
  });
  await withOpen(openEncoder(), async (encoder) => {
    for (const { name, draw_seed: seed, ...options } of encode) {
      const moments = await encodeBatch(encoder, batchOf(inputs, `${name}.frames`), options, signal);
      compare(`${name}.moments`, moments);
      compare(`${name}.mode`, eachVideo(moments, posteriorMode));
      if (seed === undefined) continue;
      const generator = TorchGenerator.seeded(seed);
      const draw = eachVideo(moments, (row) => posteriorDraw(row, (count) => randn(generator, count)));
      compare(`${name}.draw`, draw);
      for (const [what, invertScaleLatents] of [
        ["image_latents", false],
        ["image_latents_inverted", true],
      ] as const) {
        const scaled = scaleImageLatents(draw.data, { ...config, invertScaleLatents });
        compare(`${name}.${what}`, { ...draw, data: scaled });
      }
    }
  });
};

type Options = { readonly tiling?: Schema["decode"][number]["tiling"] };

/** float32 [B, C, F, H, W]. */
interface Batch {
  readonly dims: readonly [number, number, number, number, number];
  readonly data: Float32Array;
}

function batchOf(tensors: GoldenTensors, name: string): Batch {
  const tensor = tensors.get(name);
  return { dims: fiveOf(name, tensor), data: floatsOf(tensor) };
}

/** Each video of the batch by itself, as [C, F, H, W]. */
function videosOf({ dims: [batch, , frames, height, width], data }: Batch) {
  const length = data.length / batch;
  return Array.from({ length: batch }, (_, b) => ({
    video: data.slice(b * length, (b + 1) * length),
    size: { frames, height, width },
  }));
}

/** Videos of one size as a batch. */
function stack(videos: readonly { readonly data: Float32Array; readonly size: FrameSize }[]): Batch {
  const { size, data } = videos[0] ?? { size: { frames: 0, height: 0, width: 0 }, data: new Float32Array() };
  const { frames, height, width } = size;
  const stacked = new Float32Array(videos.length * data.length);
  for (const [b, video] of videos.entries()) stacked.set(video.data, b * data.length);
  const channels = data.length / (frames * height * width);
  return { dims: [videos.length, channels, frames, height, width], data: stacked };
}

async function decodeBatch(
  decoder: VaeDecoder,
  latents: Batch,
  { tiling: tiles }: Options,
  signal: AbortSignal,
): Promise<Batch> {
  const decoded = [];
  for (const { video, size } of videosOf(latents)) {
    const { sample: data, size: sampleSize } = await decoder.decode(
      video,
      size,
      { tiling: tiles ?? false },
      signal,
    );
    decoded.push({ data, size: sampleSize });
  }
  return stack(decoded);
}

async function encodeBatch(
  encoder: VaeEncoder,
  frames: Batch,
  { tiling: tiles }: Options,
  signal: AbortSignal,
): Promise<Batch> {
  const encoded = [];
  for (const { video, size } of videosOf(frames)) {
    const { moments: data, size: latentSize } = await encoder.encode(
      video,
      size,
      { tiling: tiles ?? false },
      signal,
    );
    encoded.push({ data, size: latentSize });
  }
  return stack(encoded);
}

/** `compute` of each video, which may change the number of channels. */
function eachVideo(batch: Batch, compute: (video: Float32Array) => Float32Array): Batch {
  return stack(videosOf(batch).map(({ video, size }) => ({ data: compute(video), size })));
}

/** The first frames of every channel. */
function firstFrames({ dims: [batch, channels, frames, height, width], data }: Batch, count: number): Batch {
  const plane = height * width;
  const part = new Float32Array(batch * channels * count * plane);
  for (let row = 0; row < batch * channels; row++)
    part.set(data.subarray(row * frames * plane, (row * frames + count) * plane), row * count * plane);
  return { dims: [batch, channels, count, height, width], data: part };
}
