import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import { whole } from "./block.js";
import type { Group } from "./group.js";
import { SendLanes } from "./send-lanes.js";

/** A group whose messages are taken when the test says so. */
function slowGroup() {
  const offered: string[] = [];
  const takers = new Map<string, () => void>();
  const group: Group = {
    rank: 0,
    size: 3,
    send: (to, tag) => {
      offered.push(`${to} ${tag}`);
      return new Promise((resolve) => takers.set(tag, resolve));
    },
    recv: async () => {},
  };
  const take = async (tag: string): Promise<void> => {
    takers.get(tag)?.();
    await new Promise(setImmediate);
  };
  return { group, offered, take };
}

const blocks = () => [whole(Uint8Array.of(1))];

describe("send lanes", () => {
  it("offer a peer one message at a time, the most urgent of those that wait", async () => {
    const { group, offered, take } = slowGroup();
    const lanes = new SendLanes(group);
    const sent = [9, 8, 7, 1, 3].map((order) => lanes.send(1, order, `m${order}`, blocks, neverAborts));
    assert.deepEqual(offered, ["1 m9"]);
    for (const tag of ["m9", "m1", "m3", "m7", "m8"]) await take(tag);
    await Promise.all(sent);
    assert.deepEqual(offered, ["1 m9", "1 m1", "1 m3", "1 m7", "1 m8"]);
  });

  it("keep nobody waiting for another peer", () => {
    const { group, offered } = slowGroup();
    const lanes = new SendLanes(group);
    for (const to of [1, 1, 2]) lanes.send(to, 0, "m", blocks, neverAborts).catch(() => {});
    assert.deepEqual(offered, ["1 m", "2 m"]);
  });

  it("forget a message that was taken back", async () => {
    const { group, offered, take } = slowGroup();
    const lanes = new SendLanes(group);
    const stop = new AbortController();
    const sent = [lanes.send(1, 0, "a", blocks, neverAborts), lanes.send(1, 1, "b", blocks, neverAborts)];
    const withdrawn = lanes.send(1, 2, "c", blocks, stop.signal);
    sent.push(lanes.send(1, 3, "d", blocks, neverAborts));
    stop.abort(new Error("no longer needed"));
    await assert.rejects(withdrawn, /no longer needed/);
    for (const tag of ["a", "b", "d"]) await take(tag);
    await Promise.all(sent);
    assert.deepEqual(offered, ["1 a", "1 b", "1 d"]);
  });
});
