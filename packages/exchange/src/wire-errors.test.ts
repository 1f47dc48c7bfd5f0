import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError } from "@cogfleet/core";
import { rankLost } from "@cogfleet/parallel";
import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { saidByPeer, toWire } from "./wire-errors.js";

describe("errors between ranks", () => {
  it("keep code, message and the rank that was lost", () => {
    const error = saidByPeer(toWire(rankLost(3, "it burned", new Error("a secret"))));
    assert.equal(error?.code, "peer_lost");
    assert.equal(error?.message, "rank 3 was lost: it burned");
    assert.deepEqual(error?.details, { rank: 3 });
  });

  it("tell a stranger by their status what kind they are", () => {
    assert.equal(toWire(new ClusterError("lease_lost", "over")).code, status.ABORTED);
    assert.equal(toWire(new ClusterError("numeric_error", "NaN")).code, status.INTERNAL);
  });

  it("are no peer's words when the transport made them", () => {
    const broken = Object.assign(new Error("reset"), {
      code: 14,
      details: "reset",
      metadata: new Metadata(),
    });
    assert.equal(saidByPeer(broken satisfies ServiceError), undefined);
  });
});
