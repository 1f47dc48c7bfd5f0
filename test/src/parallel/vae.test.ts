import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { neverAborts } from "@cogfleet/core";
import {
  type FrameSize,
  openVaeDecoder,
  openVaeEncoder,
  readVaeFolder,
  type TilingOptions,
  type VaeDecoder,
  type VaeEncoder,
} from "@cogfleet/model";
import {
  memoryGroups,
  openShardedVaeDecoder,
  openShardedVaeEncoder,
  planVae,
  planVaeEncode,
  type ShardedVaeDecoder,
  type ShardedVaeEncoder,
  type VaePlan,
} from "@cogfleet/parallel";
import { cpuRuntime } from "../cpu-runtime.js";
import { FIXTURES, readFloats, readJson } from "../golden-case.js";
import { onRanks } from "./ranks.js";

interface Run extends FrameSize {
  readonly name: string;
  readonly batch?: number;
  readonly tiling?: Readonly<
    Record<`tile_sample_min_${"height" | "width"}` | `tile_overlap_factor_${"height" | "width"}`, number>
  >;
}

const { decode, encode } = readJson<{ readonly decode: readonly Run[]; readonly encode: readonly Run[] }>(
  "vae",
  "case.json",
);
const DEMO = fileURLToPath(new URL("../../../models/demo/vae/", import.meta.url));
const MOST_RANKS = 4;

const runtime = cpuRuntime();

interface Opened {
  readonly config: Parameters<typeof planVae>[0];
  readonly decoder: VaeDecoder;
  readonly encoder: VaeEncoder;
  /** By rank. */
  readonly decoders: readonly ShardedVaeDecoder[];
  readonly encoders: readonly ShardedVaeEncoder[];
}

async function open(folder: string): Promise<Opened> {
  const { config, weights } = await readVaeFolder(folder, neverAborts);
  const ranks = Array.from({ length: MOST_RANKS });
  return {
    config,
    decoder: await openVaeDecoder(runtime, config, weights(), "fp32", neverAborts),
    encoder: await openVaeEncoder(runtime, config, weights(), "fp32", neverAborts),
    decoders: await Promise.all(
      ranks.map(() => openShardedVaeDecoder(runtime, config, weights(), "fp32", neverAborts)),
    ),
    encoders: await Promise.all(
      ranks.map(() => openShardedVaeEncoder(runtime, config, weights(), "fp32", neverAborts)),
    ),
  };
}

const small = await open(join(FIXTURES, "vae", "vae"));
const demo = await open(DEMO);

function tilingOf({ tiling }: Run): false | TilingOptions {
  if (tiling === undefined) return false;
  return {
    tileSampleMinHeight: tiling.tile_sample_min_height,
    tileSampleMinWidth: tiling.tile_sample_min_width,
    tileOverlapFactorHeight: tiling.tile_overlap_factor_height,
    tileOverlapFactorWidth: tiling.tile_overlap_factor_width,
  };
}

const even = (ranks: number): readonly number[] => Array.from({ length: ranks }, () => 1);

/** What rank 0 decodes with the others; the others must get nothing. */
async function decodeOver(
  { decoders }: Opened,
  plan: VaePlan,
  ranks: number,
  latents: Float32Array,
  size: FrameSize,
  tiling: boolean | TilingOptions,
): Promise<Float32Array> {
  const [video, ...others] = await onRanks(ranks, (group) =>
    (decoders[group.rank] ?? assert.fail()).decode(
      group,
      plan,
      group.rank === 0 ? latents : undefined,
      size,
      { tiling },
      neverAborts,
    ),
  );
  assert.ok(video !== undefined && others.every((other) => other === undefined));
  return video.sample;
}

/** float32 [C, F, H, W], the same ones every time. */
function someVolume(channels: number, { frames, height, width }: FrameSize): Float32Array {
  return Float32Array.from({ length: channels * frames * height * width }, (_, i) => 2 * Math.sin(i * i));
}

describe("the VAE decoder over several ranks", () => {
  for (const run of decode.filter(({ batch = 1 }) => batch === 1)) {
    const { name, frames, height, width } = run;
    for (const ranks of [2, 3, 4])
      it(`decodes ${name} to the same bits on ${ranks} ranks`, async () => {
        const size = { frames, height, width };
        const latents = (await readFloats("vae", "inputs.safetensors"))(`${name}.latents`);
        const tiling = tilingOf(run);
        const { sample } = await small.decoder.decode(latents, size, { tiling }, neverAborts);
        const plan = planVae(small.config, size, tiling, even(ranks));
        assert.deepEqual(await decodeOver(small, plan, ranks, latents, size, tiling), sample);
      });
  }

  const size = { frames: 13, height: 3, width: 4 }; // 6 chunks: of 3 latent frames, then of 2
  const latents = someVolume(demo.config.latentChannels, size);
  const alone = demo.decoder.decode(latents, size, { tiling: false }, neverAborts);
  const temporal = (...counts: readonly number[]): VaePlan => {
    const starts = counts.map((_, i) => counts.slice(0, i).reduce((a, b) => a + b, 0));
    return { kind: "temporal", chunks: counts.map((count, i) => ({ start: starts[i] ?? 0, count })) };
  };
  for (const [how, plan] of [
    ["evenly", temporal(2, 2, 2)],
    ["unevenly", temporal(1, 4, 1)],
    ["with nothing for rank 0", temporal(0, 5, 1)],
    ["with nothing between two ranks", temporal(3, 0, 0, 3)],
    ["all to the last rank", temporal(0, 0, 6)],
  ] as const)
    it(`gives the same bits with chunks dealt ${how}`, async () => {
      const ranks = plan.kind === "temporal" ? plan.chunks.length : 1;
      assert.deepEqual(await decodeOver(demo, plan, ranks, latents, size, false), (await alone).sample);
    });

  it("leaves ranks idle when there are more of them than chunks", async () => {
    const short = { frames: 3, height: 2, width: 2 };
    const input = someVolume(demo.config.latentChannels, short);
    const { sample } = await demo.decoder.decode(input, short, { tiling: false }, neverAborts);
    assert.deepEqual(await decodeOver(demo, temporal(0, 1, 0, 0), 4, input, short, false), sample);
  });

  describe("with tiling", () => {
    const tiling = {
      tileSampleMinHeight: 32,
      tileSampleMinWidth: 32,
      tileOverlapFactorHeight: 0.25,
      tileOverlapFactorWidth: 0.25,
    };
    const wide = { frames: 5, height: 5, width: 8 }; // 2 x 3 tiles
    const input = someVolume(demo.config.latentChannels, wide);
    const expected = demo.decoder.decode(input, wide, { tiling }, neverAborts);
    for (const [how, plan] of [
      ["dealt by hand", { kind: "tiles", tiles: [[4], [0, 5, 1], [2, 3]] }],
      [
        "shared by two ranks or one",
        {
          kind: "tiles",
          tiles: [
            [0, 1, 3],
            [1, 2, 4],
            [4, 5],
          ],
        },
      ],
      ["each cut in time", temporal(1, 0, 1)],
    ] as const)
      it(`gives the same bits with tiles ${how}`, async () => {
        assert.deepEqual(await decodeOver(demo, plan, 3, input, wide, tiling), (await expected).sample);
      });
  });

  it("tells every rank how far its own part is", async () => {
    const seen = new Map<number, string>();
    await onRanks(2, (group) =>
      (demo.decoders[group.rank] ?? assert.fail()).decode(
        group,
        temporal(2, 4),
        latents,
        size,
        { tiling: false, onChunk: (done, of) => seen.set(group.rank, `${done}/${of}`) },
        neverAborts,
      ),
    );
    assert.deepEqual([...seen].toSorted(), [
      [0, "44/44"],
      [1, "88/88"],
    ]);
  });

  it("ends on every rank when one is aborted", async () => {
    const stop = new AbortController();
    const groups = memoryGroups(3, {
      beforeTransfer: async ({ tag }) => void (tag.endsWith("halo9") && stop.abort()),
    });
    const outcomes = groups.groups.map((group) =>
      (demo.decoders[group.rank] ?? assert.fail()).decode(
        group,
        temporal(2, 2, 2),
        latents,
        size,
        { tiling: false },
        stop.signal,
      ),
    );
    for (const outcome of await Promise.allSettled(outcomes))
      assert.ok(outcome.status === "rejected" && outcome.reason.name === "AbortError");
  });

  for (const [where, tagEnd] of [
    ["the latents", "in2"],
    ["a halo", "halo12"],
    ["the pixels", "out5"],
  ] as const)
    it(`ends on every rank with peer_lost when one is lost at ${where}`, async () => {
      const lost = memoryGroups(3, {
        beforeTransfer: async ({ tag }) => void (tag.endsWith(tagEnd) && lost.kill(1)),
      });
      const outcomes = lost.groups.map((group) =>
        (demo.decoders[group.rank] ?? assert.fail()).decode(
          group,
          temporal(2, 2, 2),
          latents,
          size,
          { tiling: false },
          neverAborts,
        ),
      );
      for (const [rank, outcome] of (await Promise.allSettled(outcomes)).entries()) {
        // Rank 1 is done once its pixels are taken.
        if (outcome.status === "fulfilled") assert.ok(where === "the pixels" && rank === 1);
        else assert.equal(outcome.reason.code, "peer_lost");
      }
    });

  for (const [what, plan] of [
    ["leaves a chunk out", temporal(2, 3)],
    ["is for other ranks", temporal(3, 3, 0)],
    ["deals a tile that is not there", { kind: "tiles", tiles: [[0], [1]] }],
  ] as const)
    it(`refuses a plan that ${what}`, async () => {
      await assert.rejects(decodeOver(demo, plan, 2, latents, size, false), { code: "internal" });
    });
});

describe("the VAE encoder over several ranks", () => {
  for (const run of encode)
    for (const ranks of [2, 3])
      it(`encodes ${run.name} to the same bits on ${ranks} ranks`, async () => {
        const { name, frames, height, width } = run;
        const size = { frames, height, width };
        const video = (await readFloats("vae", "inputs.safetensors"))(`${name}.frames`);
        const tiling = tilingOf(run);
        const { moments } = await small.encoder.encode(video, size, { tiling }, neverAborts);
        const plan = planVaeEncode(small.config, size, tiling, even(ranks));
        const [own] = await onRanks(ranks, (group) =>
          (small.encoders[group.rank] ?? assert.fail()).encode(
            group,
            plan,
            video,
            size,
            { tiling },
            neverAborts,
          ),
        );
        assert.deepEqual(own?.moments, moments);
      });

  it("hands on frames of chunks that have only one left", async () => {
    const config = { ...demo.config, temporalCompressionRatio: 8 };
    const { weights } = await readVaeFolder(DEMO, neverAborts);
    const size = { frames: 24, height: 16, width: 8 };
    const video = someVolume(3, size);
    const whole = await openVaeEncoder(runtime, config, weights(), "fp32", neverAborts);
    const { moments } = await whole.encode(video, size, { tiling: false }, neverAborts);
    const ranks = [0, 1].map(() => openShardedVaeEncoder(runtime, config, weights(), "fp32", neverAborts));
    const encoders = await Promise.all(ranks);
    const [own] = await onRanks(2, (group) =>
      (encoders[group.rank] ?? assert.fail()).encode(
        group,
        temporalOf([2, 1]),
        video,
        size,
        { tiling: false },
        neverAborts,
      ),
    );
    assert.deepEqual(own?.moments, moments);
  });
});

function temporalOf([first, second]: readonly [number, number]): VaePlan {
  return {
    kind: "temporal",
    chunks: [
      { start: 0, count: first },
      { start: first, count: second },
    ],
  };
}
