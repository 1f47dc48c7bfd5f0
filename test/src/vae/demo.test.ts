import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { neverAborts } from "@cogfleet/core";
import {
  cachePorts,
  chunkGraph,
  decodeLatents,
  decoderChain,
  openVaeDecoder,
  readTensors,
  readVaeFolder,
  type Session,
  type Tensor,
  toFrames,
  toPixels,
  type VaeDecoder,
} from "@cogfleet/model";
import { cpuRuntime } from "../cpu-runtime.js";
import { assertClose, FIXTURES, readFloats, readJson } from "../golden-case.js";

const DEMO = fileURLToPath(new URL("../../../models/demo/vae/", import.meta.url));
const atol = readJson<{ tolerance: { frames_atol: number } }>("pipeline-demo", "case.json").tolerance
  .frames_atol;

const runtime = cpuRuntime();
const { config, weights } = await readVaeFolder(DEMO, neverAborts);
let decoder: VaeDecoder;
before(async () => {
  decoder = await openVaeDecoder(runtime, config, weights(), "fp32", neverAborts);
});

/** float32 [C, F, H, W], the same ones every time. */
function someLatents(frames: number, height: number, width: number): Float32Array {
  const count = config.latentChannels * frames * height * width;
  return Float32Array.from({ length: count }, (_, i) => 2 * Math.sin(i * i));
}

describe("the demo checkpoint's decoder", () => {
  for (const [name, step, frames, height, width] of [
    ["red_circle_right", 19, 5, 8, 8],
    ["yellow_square_up", 24, 5, 8, 8],
    ["wide_25_frames", 9, 7, 6, 10],
  ] as const)
    it(`gives the frames of ${name}`, async () => {
      const file = join(FIXTURES, "pipeline-demo", "expected.safetensors");
      const expected = await readFloats("pipeline-demo", "expected.safetensors");
      const expectedPixels = (await readTensors(file, neverAborts)).get(`${name}.frames_uint8`)?.data;
      assert.ok(expectedPixels instanceof Uint8Array);
      const plan = { latents: { channels: 8, frames, height, width, additionalFrames: 0 } };
      const latents = expected(`${name}.latents_step${step}`);
      const video = await decodeLatents(decoder, config, plan, latents, { tiling: false }, neverAborts);
      const floats = toFrames(video.sample, video.size);
      assertClose(floats, expected(`${name}.frames`), atol);
      const pixels = toPixels(video.sample, video.size);
      for (const [i, pixel] of expectedPixels.entries()) {
        if (pixel === pixels[i]) continue;
        const boundary = Math.min(pixel, pixels[i] as number) + 0.5;
        assert.ok(Math.abs((floats[i] as number) * 255 - boundary) <= 255 * atol, `pixel ${i}`);
      }
    });

  it("counts its chunks", async () => {
    const seen: string[] = [];
    const onChunk = (done: number, of: number): unknown => seen.push(`${done}/${of}`);
    await decoder.decode(
      someLatents(5, 1, 2),
      { frames: 5, height: 1, width: 2 },
      { tiling: false, onChunk },
      neverAborts,
    );
    assert.deepEqual(seen, ["1/2", "2/2"]);
  });

  it("stops between chunks", async () => {
    const stop = new AbortController();
    const onChunk = (): void => stop.abort();
    const size = { frames: 5, height: 1, width: 2 };
    await assert.rejects(
      decoder.decode(someLatents(5, 1, 2), size, { tiling: false, onChunk }, stop.signal),
      {
        name: "AbortError",
      },
    );
  });

  it("refuses latents that are not of the size they come with", async () => {
    const size = { frames: 5, height: 2, width: 2 };
    await assert.rejects(decoder.decode(someLatents(5, 1, 2), size, { tiling: false }, neverAborts), {
      code: "tensor_mismatch",
      message: "vae.decoder got 80 values for [8, 5, 2, 2]",
    });
  });

  for (const [precision, tolerance] of [
    ["fp16", 0.02],
    ["bf16", 1e-6], // computed in float32
  ] as const)
    it(`comes close in ${precision}`, async () => {
      const rough = await openVaeDecoder(runtime, config, weights(), precision, neverAborts);
      const latents = someLatents(3, 2, 3);
      const args = [latents, { frames: 3, height: 2, width: 3 }, { tiling: false }, neverAborts] as const;
      assertClose((await rough.decode(...args)).sample, (await decoder.decode(...args)).sample, tolerance);
      await rough.close();
    });
});

describe("the decoder cut at every causal convolution", () => {
  it("gives the same bits when all chunks go through one part before the next", async () => {
    const size = { frames: 7, height: 3, width: 4 };
    const latents = someLatents(size.frames, size.height, size.width);
    const whole = await decoder.decode(latents, size, { tiling: false }, neverAborts);

    const chain = decoderChain(config);
    const cuts = chain.links.flatMap((link, i) => (link.kind === "conv" ? [i] : []));
    const chunks = chain.chunks(size.frames);
    const inputs = chunks.map(({ from, to }) => chunkOf(latents, from, to, size));
    let live: readonly Record<string, Tensor>[] = inputs.map(() => ({}));
    for (const [part, from] of cuts.entries()) {
      const graph = chunkGraph(chain, weights(), "fp32", { from, to: cuts[part + 1] ?? chain.links.length });
      const session = await runtime.open(graph, neverAborts);
      const { name, inChannels, level } = chain.convs[part] ?? assert.fail();
      const { before: cacheIn } = cachePorts(name);
      const dims = [0, inChannels, chain.sizeAt(level, size.height), chain.sizeAt(level, size.width)];
      let cache: Tensor = { type: "float32", data: new Float32Array(0), dims };
      const next: Record<string, Tensor>[] = [];
      for (const [i, values] of live.entries()) {
        const all: Record<string, Tensor> = {
          ...values,
          latents: inputs[i] ?? assert.fail(),
          [cacheIn]: cache,
        };
        const outputs = await session.run(portsOf(graph.inputs, all), neverAborts);
        cache = lastFrames(all["in.x"] ?? all["latents"] ?? assert.fail());
        next.push({ ...values, ...renamed(outputs) }); // a skip may go past a part
      }
      live = next;
      await session.close();
    }
    const parts = live.map(({ sample }) => sample?.data ?? assert.fail());
    assert.deepEqual(joined(parts, whole.size), whole.sample);
  });
});

/** The 2 frames that the next chunk's convolution needs. */
function lastFrames({ dims, data }: Tensor): Tensor {
  assert.ok(data instanceof Float32Array);
  const frame = data.length / (dims[0] ?? 0);
  return { type: "float32", data: data.slice(-2 * frame), dims: [2, ...dims.slice(1)] };
}

type Ports = Parameters<Session["run"]>[0];

function portsOf(ports: readonly { readonly name: string }[], values: Record<string, Tensor>): Ports {
  return Object.fromEntries(ports.map(({ name }) => [name, values[name] ?? assert.fail(`no ${name}`)]));
}

/** What one part gives out, as the next one takes it. */
function renamed(outputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => [name.replace(/^out\./, "in."), value]),
  );
}

/** Frames of [C, F, H, W] as [T, C, H, W]. */
function chunkOf(
  latents: Float32Array,
  from: number,
  to: number,
  { frames, height, width }: { readonly frames: number; readonly height: number; readonly width: number },
): Tensor {
  const plane = height * width;
  const data = Float32Array.from({ length: (to - from) * config.latentChannels * plane }, (_, i) => {
    const t = Math.floor(i / plane / config.latentChannels);
    const c = Math.floor(i / plane) % config.latentChannels;
    return latents[(c * frames + from + t) * plane + (i % plane)] as number;
  });
  return { type: "float32", data, dims: [to - from, config.latentChannels, height, width] };
}

/** Chunks [T, 3, H, W] as [3, F, H, W]. */
function joined(
  chunks: readonly Tensor["data"][],
  { frames, height, width }: { readonly frames: number; readonly height: number; readonly width: number },
): Float32Array {
  const plane = height * width;
  const all = chunks.flatMap((chunk) => Array.from(chunk, Number)); // [F, 3, H, W]
  return Float32Array.from(all, (_, i) => {
    const c = Math.floor(i / plane / frames);
    const f = Math.floor(i / plane) % frames;
    return all[(f * 3 + c) * plane + (i % plane)] as number;
  });
}
