import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts, silentLogger } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import type { Report } from "./assignment.js";
import { probeLink } from "./link-probe.js";

describe("measuring a link", () => {
  it("is given up when the group cannot be joined, and the worker goes on", async () => {
    const clock = new ManualClock();
    const reports: Report[] = [];
    const peers = [
      { id: "a", exchangeAddress: "a:1" },
      { id: "b", exchangeAddress: "" },
    ];
    await probeLink(
      {
        join: () => {
          throw new ClusterError("invalid_request", "no address");
        },
        link: { report: (report) => void reports.push(report) },
        clock,
        log: silentLogger,
      },
      { probeId: "p", rank: 0, peers },
      neverAborts,
    );
    assert.deepEqual(reports, []);
    assert.equal(clock.sleeping, 0);
  });
});
