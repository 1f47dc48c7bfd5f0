import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import { type Member, MemberTable } from "./members.js";
import { OfferTable } from "./offers.js";

function member(jobId: string, epoch: number): Member {
  return { jobId, epoch, rank: 0, size: 2, offers: new OfferTable(0, 1), outcome: new Promise(() => {}) };
}

describe("members", () => {
  it("are waited for by peers that ask early", async () => {
    const members = new MemberTable();
    const [second, first] = [members.find("job", 2, neverAborts), members.find("job", 1, neverAborts)];
    members.add(member("other", 2));
    members.add(member("job", 1));
    assert.equal((await first).epoch, 1);
    members.add(member("job", 2));
    assert.equal((await second).epoch, 2);
  });

  it("of a newer epoch turn stale peers away, those that wait too", async () => {
    const members = new MemberTable();
    const waiting = members.find("job", 6, neverAborts);
    members.add(member("job", 7));
    await assert.rejects(waiting, { code: "lease_lost", message: /epoch 6 .* at epoch 7/ });
    await assert.rejects(members.find("job", 5, neverAborts), { code: "lease_lost" });
    assert.throws(() => members.add(member("job", 7)), { code: "lease_lost" });
  });

  it("forget a peer that hangs up", async () => {
    const members = new MemberTable();
    const stop = new AbortController();
    const waiting = members.find("job", 1, stop.signal);
    stop.abort(new Error("hung up"));
    await assert.rejects(waiting, /hung up/);
  });

  it("of the oldest jobs are forgotten", async () => {
    const members = new MemberTable();
    for (let i = 0; i <= 256; i++) members.add(member(`job ${i}`, 2));
    await assert.rejects(members.find("job 1", 1, neverAborts), { code: "lease_lost" });
    members.add(member("job 0", 1)); // nobody remembers its epoch 2
  });
});
