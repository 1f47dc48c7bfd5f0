import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decoderChain, decodeTiles, parseVaeConfig, tileGrid } from "@cogfleet/model";
import fc from "fast-check";
import type { Share } from "./shares.js";
import { dealAreas } from "./vae-deal.js";
import { chunkWork, dealChunks, planVae, planVaeEncode } from "./vae-shares.js";

const config = parseVaeConfig("vae", { _class_name: "AutoencoderKLCogVideoX" });
const half = decoderChain(config);
const size = { frames: 13, height: 60, width: 90 };

const rates = fc
  .array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 6 })
  .filter((list) => list.some((rate) => rate > 0));

function slowest(work: readonly number[], shares: readonly Share[], speeds: readonly number[]): number {
  const times = shares.map(({ start, count }, rank) => {
    const own = work.slice(start, start + count).reduce((a, b) => a + b, 0);
    return own === 0 ? 0 : own / (speeds[rank] as number);
  });
  return Math.max(...times);
}

/** Every way to cut `total` things into runs. */
function everyDeal(total: number, ranks: number, start = 0): Share[][] {
  if (ranks === 1) return [[{ start, count: total }]];
  return Array.from({ length: total + 1 }, (_, count) =>
    everyDeal(total - count, ranks - 1, start + count).map((rest) => [{ start, count }, ...rest]),
  ).flat();
}

describe("dealing chunks", () => {
  it("cuts them into runs, and no other cut has a faster slowest rank", () => {
    const works = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(works, rates, (work, speeds) => {
        const shares = dealChunks(work, speeds);
        let next = 0;
        for (const { start, count } of shares) {
          assert.equal(start, next);
          next += count;
        }
        assert.equal(next, work.length);
        const best = Math.min(
          ...everyDeal(work.length, speeds.length).map((deal) => slowest(work, deal, speeds)),
        );
        assert.ok(slowest(work, shares, speeds) <= best * (1 + 1e-9));
      }),
      { numRuns: 60 },
    );
  });

  it("spreads what does not divide over as many ranks as it can", () => {
    const counts = dealChunks([1, 1, 1, 1, 1], [1, 1, 1, 1]).map(({ count }) => count);
    assert.deepEqual(counts, [2, 1, 1, 1]);
  });

  it("refuses ranks of which none computes", () => {
    assert.throws(() => dealChunks([1], [0, 0]), { code: "internal" });
  });
});

describe("a VAE's default plan", () => {
  it("gives each of two ranks half of the chunks of 49 frames at 480 x 720", () => {
    assert.deepEqual(chunkWork(half, size.frames), [9, 8, 8, 8, 8, 8]);
    assert.deepEqual(planVae(config, size, false, [1, 1]), {
      kind: "temporal",
      chunks: [
        { start: 0, count: 3 },
        { start: 3, count: 3 },
      ],
    });
  });

  it("is serial for one rank, and for one chunk", () => {
    assert.deepEqual(planVae(config, size, false, [1]), { kind: "serial" });
    assert.deepEqual(planVae(config, size, true, [1, 0]), { kind: "serial" });
    assert.deepEqual(planVae(config, { ...size, frames: 3 }, false, [1, 1]), { kind: "serial" });
  });

  it("deals every tile to some rank, and is one that ranks take", () => {
    const areas = tileGrid(decodeTiles(config), size).areas;
    fc.assert(
      fc.property(rates, (speeds) => {
        const plan = planVae(config, size, true, speeds);
        const deals = dealAreas(plan, areas, chunkWork(half, size.frames), speeds.length);
        for (const { owners } of deals) assert.ok(owners.every(({ rank }) => (speeds[rank] ?? 0) > 0));
      }),
    );
  });

  it("shares tiles where there are more ranks than tiles", () => {
    const narrow = { frames: 13, height: 30, width: 90 };
    const areas = tileGrid(decodeTiles(config), narrow).areas;
    const ranks = areas.length + 2;
    const plan = planVae(
      config,
      narrow,
      true,
      Array.from({ length: ranks }, () => 1),
    );
    const owners = dealAreas(plan, areas, chunkWork(half, 13), ranks).map((deal) => deal.owners.length);
    assert.equal(
      owners.reduce((a, b) => a + b, 0),
      ranks,
    );
  });

  it("deals the encoder's chunks in the same way", () => {
    const plan = planVaeEncode(config, { frames: 49, height: 480, width: 720 }, false, [1, 1, 1]);
    assert.equal(plan.kind, "temporal");
    assert.deepEqual(plan.kind === "temporal" && plan.chunks.map(({ count }) => count), [2, 2, 2]);
  });
});
