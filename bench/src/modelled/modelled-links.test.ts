import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import { memoryGroups, whole } from "@cogfleet/parallel";
import { ModelledLinks } from "./modelled-links.js";

/** Ranks over links of 1000 bytes a second, dilated twice. */
function network(ranks: number, latencySeconds = 0) {
  const clock = new ManualClock();
  const links = new ModelledLinks(clock, ranks, { bytesPerSecond: 1000, latencySeconds });
  links.restart(2);
  const groups = memoryGroups(ranks).groups.map((group) => links.wrap(group));
  /** Sends `bytes`, and says when they had arrived, ms. */
  const move = async (from: number, to: number, bytes: number, tag = "x"): Promise<number> => {
    const data = new Uint8Array(bytes).fill(from + 1);
    const into = new Uint8Array(bytes);
    await Promise.all([
      groups[from]?.send(to, tag, [whole(data)], neverAborts),
      groups[to]?.recv(from, tag, [whole(into)], neverAborts),
    ]);
    assert.deepEqual(into, data);
    return clock.now();
  };
  return { clock, links, move };
}

function assertAbout(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 2, `${actual} ms is not about ${expected}`);
}

describe("modelled links", () => {
  it("take a message's bytes over the bandwidth, and the latency, dilated", async () => {
    const { clock, move } = network(2, 0.1);
    const arrived = move(0, 1, 500);
    await clock.advance(3000);
    assertAbout(await arrived, 2 * (500 + 100));
  });

  it("share a port evenly, and give a message all of it once the others are through", async () => {
    const { clock, move } = network(3);
    const both = Promise.all([move(0, 2, 100), move(1, 2, 300)]);
    await clock.advance(3000);
    const [short = 0, long = 0] = await both;
    assertAbout(short, 2 * 200);
    assertAbout(long, 2 * 400);
  });

  it("send and receive at the same time", async () => {
    const { clock, move, links } = network(2);
    const both = Promise.all([move(0, 1, 400), move(1, 0, 400)]);
    await clock.advance(3000);
    for (const arrived of await both) assertAbout(arrived, 800);
    assert.equal(links.bytes, 800);
    assert.equal(links.portSeconds(0), 0.4);
  });

  it("take no time when the scale is 0", async () => {
    const { links, move } = network(2);
    links.restart(0);
    assert.equal(await move(0, 1, 5000), 0);
    assert.equal(links.bytes, 5000);
  });
});
