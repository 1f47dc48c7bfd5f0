import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import type { Group } from "./group.js";
import { measureLink } from "./measure-link.js";
import { memoryGroups } from "./memory-group.js";
import type { Link } from "./plan-fleet.js";

/** Two ranks; `millisecondsTo` says how long a message to a rank is on its way. */
async function measured(millisecondsTo: (rank: number, tag: string) => number): Promise<readonly Link[]> {
  const clock = new ManualClock();
  const { groups } = memoryGroups(2, {
    beforeTransfer: ({ to, tag }) => clock.sleep(millisecondsTo(to, tag), neverAborts),
  });
  const links = Promise.all(groups.map((group) => measureLink(group, () => clock.now(), neverAborts)));
  let isDone = false;
  const done = links.finally(() => {
    isDone = true;
  });
  while (!isDone) await clock.advance(1);
  return done;
}

describe("measureLink", () => {
  it("gives each rank the way to it: latency apart from bandwidth", async () => {
    const bulkMs = [40, 16]; // to rank 0, to rank 1
    const [slow, fast] = await measured((to, tag) =>
      tag.startsWith("bulk") ? 2 + (bulkMs[to] as number) : 2,
    );
    assert.equal(slow?.latencySeconds, 0.002);
    assert.equal(fast?.latencySeconds, 0.002);
    assert.equal(slow?.bytesPerSecond, (16 * 1024 * 1024) / 0.04);
    assert.equal(fast?.bytesPerSecond, (16 * 1024 * 1024) / 0.016);
  });

  it("takes the best of several: what was held up once does not count", async () => {
    const [link] = await measured((_, tag) => (tag.endsWith(".0") ? 500 : 4));
    assert.equal(link?.latencySeconds, 0.004);
    assert.ok((link?.bytesPerSecond ?? 0) > 16 * 1024 * 1024);
  });

  it("fails on both when one is lost", async () => {
    const { groups, kill } = memoryGroups(2);
    const links = groups.map((group: Group) => measureLink(group, () => 0, neverAborts));
    kill(1);
    for (const { status } of await Promise.allSettled(links)) assert.equal(status, "rejected");
  });
});
