import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { VaeConfig } from "../checkpoint/configs.js";
import { blendTile, decodeTiles, encodeTiles, isTiled, type TilePlan, tilesAlong } from "./tiles.js";
import type { Volume } from "./volume.js";

const config: VaeConfig = {
  inChannels: 3,
  outChannels: 3,
  blockOutChannels: [128, 256, 256, 512],
  latentChannels: 16,
  layersPerBlock: 3,
  normEps: 1e-6,
  normNumGroups: 32,
  temporalCompressionRatio: 4,
  sampleHeight: 480,
  sampleWidth: 720,
  scalingFactor: 0.7,
  invertScaleLatents: false,
};

function volume(height: number, width: number, value: (y: number, x: number) => number): Volume {
  const data = Float32Array.from({ length: height * width }, (_, i) =>
    value(Math.floor(i / width), i % width),
  );
  return { data, channels: 1, frames: 1, height, width };
}

describe("tiles", () => {
  it("of the released checkpoints are 30 x 45 latents, 25 x 36 apart", () => {
    assert.deepEqual(decodeTiles(config), {
      rows: { span: 30, stride: 25, blend: 40, keep: 200 },
      columns: { span: 45, stride: 36, blend: 72, keep: 288 },
    });
    assert.deepEqual(encodeTiles(config), {
      rows: { span: 240, stride: 200, blend: 5, keep: 25 },
      columns: { span: 360, stride: 288, blend: 9, keep: 36 },
    });
    assert.deepEqual(
      tilesAlong(decodeTiles(config).rows, 60).map((tile) => tile.length),
      [30, 30, 10],
    );
  });

  it("are used for sizes larger than one tile", () => {
    const tiles = decodeTiles(config);
    assert.equal(isTiled(tiles, 30, 45), false);
    assert.equal(isTiled(tiles, 31, 45), true);
    assert.equal(isTiled(tiles, 30, 46), true);
  });

  it("that do not fit together are refused, both axes at once", () => {
    const options = { tileSampleMinHeight: 48, tileOverlapFactorHeight: 1 / 5, tileOverlapFactorWidth: 1 };
    for (const plan of [decodeTiles, encodeTiles])
      assert.throws(() => plan(config, options), {
        code: "unsupported",
        message: /tile_sample_min_height 48 and tile_overlap_factor_height 0\.2 .*factor_width 1 /,
      });
    assert.throws(() => decodeTiles({ ...config, sampleHeight: 100 }), { code: "unsupported" });
  });

  it("cover every element, and what is kept of them comes to the size of the whole", () => {
    const factors = fc.constantFrom(0, 1 / 8, 1 / 6, 1 / 5, 1 / 4, 1 / 3, 1 / 2);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        factors,
        fc.integer({ min: 1, max: 200 }),
        (span, factor, size) => {
          fc.pre(Number.isInteger(Math.round(span * factor * 1e9) / 1e9));
          const options = { tileSampleMinHeight: span * 8, tileOverlapFactorHeight: factor };
          const { rows } = decodeTiles(config, options);
          const tiles = tilesAlong(rows, size);
          assert.equal(Math.max(...tiles.map(({ start, length }) => start + length)), size);
          const kept = tiles.map(({ length }) => Math.min(rows.keep, 8 * length));
          assert.equal(
            kept.reduce((sum, rowsKept) => sum + rowsKept),
            8 * size,
          );
        },
      ),
    );
  });
});

describe("blending", () => {
  const plan = (blend: number): TilePlan => ({
    rows: { span: 8, stride: 4, blend, keep: 4 },
    columns: { span: 8, stride: 4, blend, keep: 4 },
  });

  it("fades from the last rows of the tile above into the tile's own", () => {
    const tile = volume(4, 1, () => 8);
    blendTile(tile, { above: volume(6, 1, (y) => y), left: undefined }, plan(4));
    assert.deepEqual([...tile.data], [2, 3 * 0.75 + 2, 4 * 0.5 + 4, 5 * 0.25 + 6]);
  });

  it("fades from the last columns of the tile to the left", () => {
    const tile = volume(2, 3, () => 4);
    blendTile(tile, { above: undefined, left: volume(2, 5, (_, x) => x) }, plan(2));
    assert.deepEqual([...tile.data], [3, 4 * 0.5 + 2, 4, 3, 4 * 0.5 + 2, 4]);
  });

  it("goes down before it goes right", () => {
    const tile = volume(1, 1, () => 1);
    blendTile(tile, { above: volume(1, 1, () => 2), left: volume(1, 1, () => 3) }, plan(8));
    assert.deepEqual([...tile.data], [3]); // an extent of 1 takes the neighbour's value whole
  });

  it("reaches no further than the smaller of the two tiles", () => {
    const tile = volume(2, 1, () => 0);
    blendTile(tile, { above: volume(6, 1, (y) => y), left: undefined }, plan(5));
    assert.deepEqual([...tile.data], [4, 2.5]);
  });

  it("leaves a tile without neighbours alone", () => {
    const tile = volume(2, 2, (y, x) => y + x);
    blendTile(tile, { above: undefined, left: undefined }, plan(2));
    assert.deepEqual([...tile.data], [0, 1, 1, 2]);
  });
});
