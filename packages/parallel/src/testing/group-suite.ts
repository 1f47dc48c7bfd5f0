import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { ClusterError, type ErrorCode, neverAborts } from "@cogfleet/core";
import { type Block, whole } from "../block.js";
import { type ExchangeShape, headsToRows, rowsToHeads } from "../exchange.js";
import type { Group } from "../group.js";
import { dealShares } from "../shares.js";

/** Some ranks to try, and the ways in which they can end. */
export interface GroupHarness {
  readonly groups: readonly Group[];
  /** The rank dies without a word. */
  kill(rank: number): void;
  /** The rank has finished. */
  leave(rank: number): void;
  close(): Promise<void>;
}

export interface GroupHarnessOptions {
  readonly offerLimitBytes?: number;
}

const CHANGED_MIND = new ClusterError("cancelled", "the user has changed their mind");

/** What every `Group` promises. Registers its tests with node:test, for the groups that `open` makes. */
export function groupSuite(
  name: string,
  open: (size: number, options?: GroupHarnessOptions) => Promise<GroupHarness>,
): void {
  describe(`group: ${name}`, { timeout: 60_000 }, () => {
    let opened: GroupHarness[] = [];
    const start = async (
      size: number,
      options?: GroupHarnessOptions,
    ): Promise<GroupHarness & { rank(i: number): Group }> => {
      const harness = await open(size, options);
      opened.push(harness);
      const rank = (i: number): Group => {
        const group = harness.groups[i];
        assert.ok(group);
        return group;
      };
      return {
        groups: harness.groups,
        kill: (i) => harness.kill(i),
        leave: (i) => harness.leave(i),
        close: () => harness.close(),
        rank,
      };
    };
    afterEach(async () => {
      await Promise.all(opened.map((harness) => harness.close()));
      opened = [];
    });

    it("delivers a message whichever side comes first", async () => {
      const { rank } = await start(2);
      for (const first of ["send", "recv"]) {
        const into = new Uint8Array(5);
        const send = (): Promise<void> => rank(0).send(1, "t", [whole(numbered(5))], neverAborts);
        const recv = (): Promise<void> => rank(1).recv(0, "t", [whole(into)], neverAborts);
        await Promise.all(first === "send" ? [send(), recv()] : [recv(), send()]);
        assert.deepEqual(into, numbered(5));
      }
    });

    it("reads and writes scattered blocks, cut differently on the two sides", async () => {
      const { rank } = await start(2);
      const from = numbered(24);
      const into = new Uint8Array(16);
      // Columns 1..3 of four rows of 6 go to pieces of 8 and 4 bytes.
      const columns: Block = { data: from, start: 1, runs: 4, runBytes: 3, strideBytes: 6 };
      const pieces = [whole(into.subarray(0, 8)), { ...whole(into), start: 10, runBytes: 4, strideBytes: 4 }];
      await both(rank(0).send(1, "t", [columns], neverAborts), rank(1).recv(0, "t", pieces, neverAborts));
      assert.deepEqual([...into], [1, 2, 3, 7, 8, 9, 13, 14, 0, 0, 15, 19, 20, 21, 0, 0]);
    });

    it("carries messages of many frames both ways at once", async () => {
      const { rank } = await start(2);
      const bytes = 3 * 1024 * 1024 + 7;
      const ours = numbered(bytes);
      const theirs = numbered(bytes, 5);
      const [atZero, atOne] = [new Uint8Array(bytes), new Uint8Array(bytes)];
      await Promise.all([
        rank(0).send(1, "t", [whole(ours)], neverAborts),
        rank(1).send(0, "t", [whole(theirs)], neverAborts),
        rank(0).recv(1, "t", [whole(atZero)], neverAborts),
        rank(1).recv(0, "t", [whole(atOne)], neverAborts),
      ]);
      assert.ok(Buffer.from(atZero).equals(theirs));
      assert.ok(Buffer.from(atOne).equals(ours));
    });

    it("carries an empty message", async () => {
      const { rank } = await start(2);
      await both(rank(0).send(1, "t", [], neverAborts), rank(1).recv(0, "t", [], neverAborts));
    });

    it("keeps messages under different tags apart", async () => {
      const { rank } = await start(2);
      const [a, b] = [new Uint8Array(1), new Uint8Array(1)];
      const sends = both(
        rank(0).send(1, "a", [whole(Uint8Array.of(1))], neverAborts),
        rank(0).send(1, "b", [whole(Uint8Array.of(2))], neverAborts),
      );
      await rank(1).recv(0, "b", [whole(b)], neverAborts);
      await rank(1).recv(0, "a", [whole(a)], neverAborts);
      await sends;
      assert.deepEqual([a[0], b[0]], [1, 2]);
    });

    it("gives the sender its buffer back once the message was taken", async () => {
      const { rank } = await start(2);
      const buffer = numbered(2 * 1024 * 1024);
      const into = new Uint8Array(buffer.length);
      const received = rank(1).recv(0, "t", [whole(into)], neverAborts);
      await rank(0).send(1, "t", [whole(buffer)], neverAborts);
      buffer.fill(0);
      await received;
      assert.ok(Buffer.from(into).equals(numbered(into.length)));
    });

    it("fails both sides when they disagree about the length", async () => {
      const { rank } = await start(2);
      const [sent, received] = await Promise.all([
        codeOf(rank(0).send(1, "t", [whole(numbered(8))], neverAborts)),
        codeOf(rank(1).recv(0, "t", [whole(new Uint8Array(7))], neverAborts)),
      ]);
      assert.deepEqual([sent, received], ["tensor_mismatch", "tensor_mismatch"]);
    });

    it("refuses a second message under a tag that waits, and allows it afterwards", async () => {
      const { rank } = await start(2);
      const into = new Uint8Array(1);
      const first = rank(0).send(1, "t", [whole(Uint8Array.of(1))], neverAborts);
      assert.equal(await codeOf(rank(0).send(1, "t", [whole(Uint8Array.of(2))], neverAborts)), "internal");
      await both(first, rank(1).recv(0, "t", [whole(into)], neverAborts));
      await both(
        rank(0).send(1, "t", [whole(Uint8Array.of(3))], neverAborts),
        rank(1).recv(0, "t", [whole(into)], neverAborts),
      );
      assert.equal(into[0], 3);
    });

    it("limits what is on offer, and frees it when it is taken", async () => {
      const { rank } = await start(2, { offerLimitBytes: 10 });
      const into = new Uint8Array(6);
      const first = rank(0).send(1, "a", [whole(numbered(6))], neverAborts);
      assert.equal(
        await codeOf(rank(0).send(1, "b", [whole(numbered(6))], neverAborts)),
        "resource_exhausted",
      );
      await both(first, rank(1).recv(0, "a", [whole(into)], neverAborts));
      await both(
        rank(0).send(1, "b", [whole(numbered(6))], neverAborts),
        rank(1).recv(0, "b", [whole(into)], neverAborts),
      );
    });

    it("refuses to exchange with itself and with ranks that are not there", async () => {
      const { rank } = await start(2);
      for (const peer of [0, 2, -1, 0.5]) {
        assert.equal(await codeOf(rank(0).send(peer, "t", [], neverAborts)), "internal");
        assert.equal(await codeOf(rank(0).recv(peer, "t", [], neverAborts)), "internal");
      }
    });

    it("withdraws an aborted send, and the tag can be used again", async () => {
      const { rank } = await start(2);
      const into = new Uint8Array(1);
      const stop = new AbortController();
      const call = rank(0).send(1, "t", [whole(Uint8Array.of(1))], stop.signal);
      stop.abort(CHANGED_MIND);
      await assert.rejects(call, CHANGED_MIND);
      await assert.rejects(rank(0).send(1, "t", [], stop.signal), CHANGED_MIND);
      await both(
        rank(0).send(1, "t", [whole(Uint8Array.of(2))], neverAborts),
        rank(1).recv(0, "t", [whole(into)], neverAborts),
      );
      assert.equal(into[0], 2);
    });

    it("stops waiting when a receive is aborted", async () => {
      const { rank } = await start(2);
      const into = new Uint8Array(1);
      const stop = new AbortController();
      const call = rank(1).recv(0, "given up", [whole(into)], stop.signal);
      stop.abort(CHANGED_MIND);
      await assert.rejects(call, CHANGED_MIND);
      await assert.rejects(rank(1).recv(0, "t", [], stop.signal), CHANGED_MIND);
      await both(
        rank(0).send(1, "t", [whole(Uint8Array.of(2))], neverAborts),
        rank(1).recv(0, "t", [whole(into)], neverAborts),
      );
      assert.equal(into[0], 2);
    });

    it("ends every call on every rank when a rank is lost", async () => {
      const { groups, rank, kill } = await start(4);
      const into = (): Block[] => [whole(new Uint8Array(4))];
      const calls = [
        rank(0).recv(3, "from the lost", into(), neverAborts),
        rank(1).send(3, "to the lost", into(), neverAborts),
        // Between ranks that live: they would wait for each other for ever.
        rank(1).recv(2, "never sent", into(), neverAborts),
        rank(2).send(0, "never pulled", into(), neverAborts),
      ].map(codeOf);
      kill(3);
      assert.deepEqual(
        await Promise.all(calls),
        calls.map(() => "peer_lost"),
      );
      for (const group of groups.slice(0, 3)) {
        const peer = (group.rank + 1) % 3;
        assert.equal(await codeOf(group.send(peer, "later", into(), neverAborts)), "peer_lost");
        assert.equal(await codeOf(group.recv(peer, "later", into(), neverAborts)), "peer_lost");
      }
    });

    it("fails only the calls that need a rank that has finished", async () => {
      const { rank, leave } = await start(3);
      const into = new Uint8Array(1);
      const waiting = codeOf(rank(0).recv(2, "t", [whole(into)], neverAborts));
      leave(2);
      assert.equal(await waiting, "peer_lost");
      assert.equal(await codeOf(rank(1).recv(2, "t", [whole(into)], neverAborts)), "peer_lost");
      await both(
        rank(0).send(1, "t", [whole(Uint8Array.of(9))], neverAborts),
        rank(1).recv(0, "t", [whole(into)], neverAborts),
      );
      assert.equal(into[0], 9);
    });

    it("carries an uneven exchange of rows and heads there and back", async () => {
      const { groups } = await start(3);
      const rows = dealShares(37, [3, 2, 1]);
      const heads = dealShares(5, [1, 1, 1]);
      const shape: ExchangeShape = {
        batch: 2,
        heads: 5,
        headBytes: 16,
        rows,
        cells: heads.map((share) => ({ heads: share, queries: { start: 0, count: 37 } })),
      };
      await Promise.all(
        groups.map(async (group) => {
          const count = rows[group.rank]?.count ?? 0;
          const own = numbered(2 * count * 5 * 16, group.rank);
          const operands = { query: own, key: own, value: own };
          const mine = await rowsToHeads(group, operands, shape, "there", neverAborts);
          const back = await headsToRows(group, mine.query, shape, "back", neverAborts);
          assert.deepEqual(back, own);
        }),
      );
    });
  });
}

function numbered(length: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i + seed * 37 + (i >> 8)) & 255);
}

async function both(a: Promise<void>, b: Promise<void>): Promise<void> {
  await Promise.all([a, b]);
}

async function codeOf(call: Promise<void>): Promise<ErrorCode | "none"> {
  try {
    await call;
    return "none";
  } catch (reason) {
    if (reason instanceof ClusterError) return reason.code;
    throw reason;
  }
}
