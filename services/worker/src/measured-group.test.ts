import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import { type Group, memoryGroups } from "@cogfleet/parallel";
import { ExchangeMeter, type ExchangeObserver, opOf } from "./measured-group.js";
import type { JoinedGroup } from "./run-assignment.js";

function joined(group: Group): JoinedGroup {
  return {
    rank: group.rank,
    size: group.size,
    ended: neverAborts,
    send: (...args) => group.send(...args),
    recv: (...args) => group.recv(...args),
    close: async () => {},
  };
}

function block(bytes: number) {
  return { data: new Uint8Array(bytes), start: 0, runs: 1, runBytes: bytes, strideBytes: bytes };
}

function setUp() {
  const clock = new ManualClock();
  const notes: string[] = [];
  const observer: ExchangeObserver = {
    exchanged: (direction, bytes) => notes.push(`${direction} ${bytes}`),
    stepExchanged: (op, seconds) => notes.push(`${op} ${seconds}`),
  };
  const meter = new ExchangeMeter(() => clock.now(), observer);
  const [own, peer] = memoryGroups(2).groups as [Group, Group];
  return { clock, notes, meter, group: meter.group(joined(own)), peer };
}

describe("a group that is measured", () => {
  it("counts bytes by direction, and the time until a message was taken or came", async () => {
    const { clock, notes, meter, group, peer } = setUp();
    const sent = group.send(1, "half0.layer3.0.in", [block(24)], neverAborts);
    const received = group.recv(1, "latents", [block(8)], neverAborts);
    await clock.advance(2000);
    await Promise.all([
      peer.recv(0, "half0.layer3.0.in", [block(24)], neverAborts),
      peer.send(0, "latents", [block(8)], neverAborts),
      sent,
      received,
    ]);
    meter.stepDone();
    assert.deepEqual(notes.sort(), ["attention 2", "received 8", "sent 24", "state 2"]);
  });

  it("tells what follows the last step when it is left, unless it failed", async () => {
    const { clock, notes, group } = setUp();
    const waiting = group.recv(1, "guidance", [block(8)], neverAborts);
    waiting.catch(() => {});
    await clock.advance(1000);
    await group.close(new ClusterError("peer_lost", "rank 1 is gone"));
    await clock.advance(3000);
    await group.close();
    assert.deepEqual(notes, ["guidance 3"]);
  });
});

describe("the tags of messages", () => {
  it("say what the message is for", () => {
    const ops = ["half1.layer12.0.out", "guidance", "half0.latents", "previous-x0", "half0.finite"].map(opOf);
    assert.deepEqual(ops, ["attention", "guidance", "state", "state", "state"]);
    for (const tag of ["embeds", "progress", "decoder.0.halo3"]) assert.equal(opOf(tag), undefined);
  });
});
