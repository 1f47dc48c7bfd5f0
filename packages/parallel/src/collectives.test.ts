import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import fc from "fast-check";
import { arrange, attentionCells } from "./arrangement.js";
import { bytesOf } from "./block.js";
import { type ExchangeShape, headsToRows, rowsToHeads } from "./exchange.js";
import { allGatherRows, gatherRows } from "./gather.js";
import { type Group, subgroup } from "./group.js";
import { passHalo } from "./halo.js";
import { memoryGroups } from "./memory-group.js";
import { dealShares, type Share } from "./shares.js";
import { swap } from "./swap.js";

// The whole tensor is [B, S, H, D] of numbers that tell their place; a slice of it is taken element by element.
interface World {
  readonly batch: number;
  readonly rows: number;
  readonly heads: number;
  readonly headBytes: number;
  readonly rates: readonly number[];
  readonly columns: number | undefined;
}

const world: fc.Arbitrary<World> = fc
  .record({
    batch: fc.integer({ min: 1, max: 2 }),
    rows: fc.nat(23),
    heads: fc.integer({ min: 1, max: 7 }),
    headBytes: fc.integer({ min: 1, max: 9 }),
    rates: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 }),
    choice: fc.nat(99),
  })
  .map(({ choice, ...rest }) => ({
    ...rest,
    columns: choice % 2 === 0 ? undefined : 1 + (choice % Math.min(rest.rates.length, rest.heads)),
  }));

function shapeOf({ batch, rows, heads, headBytes, rates, columns }: World): ExchangeShape {
  return {
    batch,
    heads,
    headBytes,
    rows: dealShares(rows, [...rates].reverse()), // rows and cells need not go together
    cells: attentionCells(arrange(rates, heads, columns), rates, rows),
  };
}

function slice({ batch, rows, heads, headBytes }: World, salt: number, r: Share, h: Share): Uint8Array {
  const out = new Uint8Array(batch * r.count * h.count * headBytes);
  let at = 0;
  for (let b = 0; b < batch; b++) {
    for (let row = r.start; row < r.start + r.count; row++) {
      for (let head = h.start; head < h.start + h.count; head++) {
        for (let d = 0; d < headBytes; d++) {
          out[at++] = (((b * rows + row) * heads + head) * headBytes + d) * 31 + salt;
        }
      }
    }
  }
  return out;
}

/** Runs one program on every rank, with messages delayed and reordered as the scheduler likes. */
async function onEveryRank<T>(
  size: number,
  scheduler: fc.Scheduler,
  program: (group: Group) => Promise<T>,
): Promise<T[]> {
  const { groups } = memoryGroups(size, { beforeTransfer: () => scheduler.schedule(Promise.resolve()) });
  return scheduler.waitFor(Promise.all(groups.map(program)));
}

describe("the collectives equal slicing the whole tensor", () => {
  it("when rows are traded for heads and back", async () => {
    await fc.assert(
      fc.asyncProperty(world, fc.scheduler(), async (w, scheduler) => {
        const shape = shapeOf(w);
        const all = { start: 0, count: w.rows };
        const everyHead = { start: 0, count: w.heads };
        await onEveryRank(w.rates.length, scheduler, async (group) => {
          const own = shape.rows[group.rank];
          const cell = shape.cells[group.rank];
          assert.ok(own && cell);
          const input = {
            query: slice(w, 1, own, everyHead),
            key: slice(w, 2, own, everyHead),
            value: slice(w, 3, own, everyHead),
          };
          const operands = await rowsToHeads(group, input, shape, "qkv", neverAborts);
          assert.deepEqual(operands.query, slice(w, 1, cell.queries, cell.heads));
          assert.deepEqual(operands.key, slice(w, 2, all, cell.heads));
          assert.deepEqual(operands.value, slice(w, 3, all, cell.heads));
          assert.equal(operands.key.byteLength, operands.key.buffer.byteLength);
          assert.deepEqual(await headsToRows(group, operands.query, shape, "out", neverAborts), input.query);
        });
      }),
    );
  });

  it("when rows are gathered, at one rank and at all", async () => {
    await fc.assert(
      fc.asyncProperty(world, fc.nat(), fc.scheduler(), async (w, pick, scheduler) => {
        const rows = dealShares(w.rows, w.rates);
        const everyHead = { start: 0, count: w.heads };
        const shape = { batch: w.batch, rowBytes: w.heads * w.headBytes, rows };
        const expected = slice(w, 0, { start: 0, count: w.rows }, everyHead);
        const root = pick % w.rates.length;
        await onEveryRank(w.rates.length, scheduler, async (group) => {
          const own = slice(w, 0, rows[group.rank] ?? { start: 0, count: 0 }, everyHead);
          assert.deepEqual(await allGatherRows(group, own, shape, "all", neverAborts), expected);
          const gathered = await gatherRows(group, own, shape, root, "one", neverAborts);
          assert.deepEqual(gathered, group.rank === root ? expected : undefined);
        });
      }),
    );
  });

  it("when the last frames pass along a chain", async () => {
    const shape = { planes: fc.integer({ min: 1, max: 3 }), frameBytes: fc.integer({ min: 1, max: 5 }) };
    const frames = fc.array(fc.integer({ min: 2, max: 5 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.record(shape), frames, fc.scheduler(), async (some, runs, scheduler) => {
        const halo = { ...some, haloFrames: 2 };
        const value = (rank: number, plane: number, frame: number, byte: number): number =>
          (rank * 101 + plane * 37 + frame * 11 + byte) & 255;
        const frameRange = (rank: number, from: number, to: number): Uint8Array => {
          const out: number[] = [];
          for (let p = 0; p < halo.planes; p++)
            for (let f = from; f < to; f++)
              for (let b = 0; b < halo.frameBytes; b++) out.push(value(rank, p, f, b));
          return Uint8Array.from(out);
        };
        await onEveryRank(runs.length, scheduler, async (group) => {
          const { rank, size } = group;
          const neighbours = {
            previous: rank === 0 ? undefined : rank - 1,
            next: rank === size - 1 ? undefined : rank + 1,
          };
          const input = frameRange(rank, 0, runs[rank] ?? 0);
          const received = await passHalo(group, input, halo, neighbours, "conv", neverAborts);
          const before = runs[rank - 1] ?? 0;
          assert.deepEqual(received, rank === 0 ? undefined : frameRange(rank - 1, before - 2, before));
        });
      }),
    );
  });

  it("when two halves swap within subgroups, of numbers of any type", async () => {
    const { groups } = memoryGroups(4);
    const sums = await Promise.all(
      groups.map(async (group) => {
        const half = group.rank % 2;
        const pair = subgroup(group, [group.rank - half, group.rank - half + 1], "cfg");
        const mine = Float32Array.of(group.rank, 0.5);
        const theirs = await swap(pair, 1 - half, bytesOf(mine), "noise", neverAborts);
        return [...new Float32Array(theirs.buffer)];
      }),
    );
    assert.deepEqual(sums, [
      [1, 0.5],
      [0, 0.5],
      [3, 0.5],
      [2, 0.5],
    ]);
  });
});

describe("a collective that cannot finish", () => {
  it("ends with peer_lost on every rank, wherever the loss falls", async () => {
    await fc.assert(
      fc.asyncProperty(world, fc.nat(40), fc.nat(), async (w, after, pick) => {
        const size = w.rates.length;
        const shape = shapeOf(w);
        const dies = pick % size;
        let moved = 0;
        const cluster = memoryGroups(size, {
          beforeTransfer: async () => {
            if (moved++ === after) cluster.kill(dies);
          },
        });
        const ends = await Promise.all(
          cluster.groups.map(async (group) => {
            const count = shape.rows[group.rank]?.count ?? 0;
            const own = new Uint8Array(w.batch * count * w.heads * w.headBytes);
            try {
              for (let layer = 0; layer < 3; layer++) {
                const operands = { query: own, key: own, value: own };
                const { query } = await rowsToHeads(group, operands, shape, `${layer}.qkv`, neverAborts);
                await headsToRows(group, query, shape, `${layer}.out`, neverAborts);
              }
              return "done";
            } catch (reason) {
              return ClusterError.from(reason).code;
            }
          }),
        );
        const allowed = moved > after ? ["done", "peer_lost"] : ["done"];
        assert.ok(
          ends.every((end) => allowed.includes(end)),
          ends.join(" "),
        );
      }),
    );
  });

  it("ends with the signal's reason, and lets go of its buffers", async () => {
    const { groups } = memoryGroups(2);
    const [zero, one] = groups;
    assert.ok(zero && one);
    const stop = new AbortController();
    const why = new ClusterError("cancelled", "enough");
    const waiting = swap(zero, 1, new Uint8Array(4), "t", stop.signal);
    stop.abort(why);
    await assert.rejects(waiting, why);
    // Nothing of it is left: the same tag works.
    const [a, b] = await Promise.all([
      swap(zero, 1, Uint8Array.of(1), "t", neverAborts),
      swap(one, 0, Uint8Array.of(2), "t", neverAborts),
    ]);
    assert.deepEqual([a[0], b[0]], [2, 1]);
  });

  it("names the tensor that has another size than was agreed", async () => {
    const [zero] = memoryGroups(2).groups;
    assert.ok(zero);
    const rows = dealShares(4, [1, 1]);
    const shape = { batch: 1, rowBytes: 2, rows };
    await assert.rejects(gatherRows(zero, new Uint8Array(3), shape, 0, "t", neverAborts), {
      code: "tensor_mismatch",
      message: /3 bytes.*expected 4 bytes/,
    });
  });
});
