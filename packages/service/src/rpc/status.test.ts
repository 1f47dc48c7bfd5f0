import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError } from "@cogfleet/core";
import { Metadata, status } from "@grpc/grpc-js";
import { fromServiceError, toServiceError } from "./status.js";

describe("errors on the wire", () => {
  it("come back with code, message and retry hint, but without their cause", () => {
    const sent = new ClusterError("resource_exhausted", "full", {
      cause: new Error("secret"),
      details: { retryAfterMs: 5000, other: "x" },
    });
    const wire = toServiceError(sent);
    assert.equal(wire.code, status.RESOURCE_EXHAUSTED);
    assert.doesNotMatch(JSON.stringify(wire.metadata.getMap()) + wire.details, /secret/);
    const received = fromServiceError(wire);
    assert.equal(received.code, "resource_exhausted");
    assert.equal(received.message, "full");
    assert.deepEqual(received.details, { retryAfterMs: 5000 });
  });

  it("keep apart codes that share a status", () => {
    for (const code of ["job_not_found", "model_not_found"] as const) {
      const wire = toServiceError(new ClusterError(code, "none"));
      assert.equal(wire.code, status.NOT_FOUND);
      assert.equal(fromServiceError(wire).code, code);
    }
  });

  it("are understood by their status when another server sent them", () => {
    const wire = (code: status) =>
      Object.assign(new Error("x"), { code, details: "why", metadata: new Metadata() });
    assert.equal(fromServiceError(wire(status.UNAVAILABLE)).code, "unavailable");
    assert.equal(fromServiceError(wire(status.INVALID_ARGUMENT)).code, "invalid_request");
    assert.equal(fromServiceError(wire(status.UNKNOWN)).code, "internal");
    assert.equal(fromServiceError(wire(status.UNKNOWN)).message, "why");
  });
});
