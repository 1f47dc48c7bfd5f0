import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import fc from "fast-check";
import { type ContextLayout, contextLayout } from "./context-layout.js";
import type { Group } from "./group.js";
import { memoryGroups } from "./memory-group.js";
import { type AttendCell, RankAttention } from "./rank-attention.js";
import { SendLanes } from "./send-lanes.js";
import type { Share } from "./shares.js";
import { together } from "./together.js";

const BATCH = 2;
const HEAD_BYTES = 3;
const LAYERS = 2;

/** Bytes that tell where they are from: [B, rows, heads, D] of one of a layer's operands. */
function operand(salt: number, rows: Share, heads: Share): Uint8Array {
  const bytes: number[] = [];
  for (let b = 0; b < BATCH; b++)
    for (let row = rows.start; row < rows.start + rows.count; row++)
      for (let head = heads.start; head < heads.start + heads.count; head++)
        for (let d = 0; d < HEAD_BYTES; d++) bytes.push(17 * salt + 61 * b + 7 * row + 31 * head + d);
  return Uint8Array.from(bytes);
}

/** All runs of all layers on one rank, with an attention that gives its query back once it has checked the rest. */
async function runLayers(group: Group, layout: ContextLayout, attend: AttendCell): Promise<void> {
  const lanes = new SendLanes(group);
  const shape = { batch: BATCH, headBytes: HEAD_BYTES, layout };
  const layers = Array.from({ length: LAYERS }, (_, i) => new RankAttention(group, lanes, shape, i));
  const everyHead = { start: 0, count: layout.heads };
  await together(
    [
      ...layout.runs.map(({ rows }, run) => async (signal: AbortSignal) => {
        const own = rows[group.rank] as Share;
        for (const layer of layers) {
          const make = (salt: number): Uint8Array => operand(salt, own, everyHead);
          const operands = { query: make(1), key: make(2), value: make(3) };
          assert.deepEqual(await layer.exchange(run, operands, signal), make(1));
          if (operands.query.byteOffset === 0 && own.count > 0) assert.equal(operands.query.length, 0);
        }
      }),
      ...layers.map((layer, i) => (signal: AbortSignal) => layer.compute(layers[i - 1], attend, signal)),
    ],
    neverAborts,
  );
}

const worlds = fc.record({
  rates: fc
    .array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 5 })
    .filter((rates) => rates.some(Boolean)),
  heads: fc.integer({ min: 1, max: 7 }),
  textTokens: fc.nat(3),
  videoTokens: fc.integer({ min: 1, max: 19 }),
  runs: fc.integer({ min: 1, max: 4 }),
  parts: fc.integer({ min: 1, max: 4 }),
});

describe("a rank's attention", () => {
  it("brings every cell its rows and heads, and every run its result, whatever overtakes what", async () => {
    await fc.assert(
      fc.asyncProperty(worlds, fc.scheduler(), async ({ rates, runs, parts, ...sizes }, scheduler) => {
        const layout = contextLayout({ cfg: 1, context: rates.length, rates, runs, parts }, sizes);
        const all = { start: 0, count: sizes.textTokens + sizes.videoTokens };
        const attend: AttendCell = async ({ query, key, value }, { heads, queries }) => {
          assert.deepEqual(query, operand(1, queries, heads));
          assert.deepEqual(key, operand(2, all, heads));
          assert.deepEqual(value, operand(3, all, heads));
          return query;
        };
        const beforeTransfer = () => scheduler.schedule(Promise.resolve());
        const { groups } = memoryGroups(rates.length, { beforeTransfer });
        await scheduler.waitFor(Promise.all(groups.map((group) => runLayers(group, layout, attend))));
      }),
      { numRuns: 60 },
    );
  });

  it("ends on every rank when one of them fails", async () => {
    const layout = contextLayout(
      { cfg: 1, context: 3, rates: [1, 1, 1], runs: 2, parts: 2 },
      { heads: 6, textTokens: 2, videoTokens: 7 },
    );
    const { groups, kill } = memoryGroups(3);
    const outcomes = await Promise.allSettled(
      groups.map((group) =>
        runLayers(group, layout, async ({ query }) => {
          if (group.rank !== 1) return query;
          kill(1);
          throw new ClusterError("out_of_memory", "too large");
        }),
      ),
    );
    const codes = outcomes.map((o) => (o.status === "rejected" ? ClusterError.from(o.reason).code : "done"));
    assert.deepEqual(codes, ["peer_lost", "out_of_memory", "peer_lost"]);
  });

  it("refuses a result of another size", async () => {
    const layout = contextLayout(
      { cfg: 1, context: 1, rates: [1] },
      { heads: 2, textTokens: 1, videoTokens: 2 },
    );
    const [group] = memoryGroups(1).groups as [Group];
    await assert.rejects(
      runLayers(group, layout, async () => new Uint8Array(1)),
      { code: "tensor_mismatch" },
    );
  });
});
