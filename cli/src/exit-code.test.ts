import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError } from "@cogfleet/core";
import {
  errorLines,
  exitCodeAfter,
  exitCodeOf,
  exitCodeOfJob,
  interruptedBy,
  outputLost,
} from "./exit-code.js";

describe("exit codes", () => {
  it("are 2 for what the user can mend, 1 for what failed, 128 + n for signal n", () => {
    assert.equal(exitCodeOf(new ClusterError("invalid_request", "x")), 2);
    assert.equal(exitCodeOf(new ClusterError("invalid_checkpoint", "x")), 2);
    assert.equal(exitCodeOf(new ClusterError("unavailable", "x")), 1);
    assert.equal(exitCodeOf(interruptedBy("SIGINT")), 130);
    assert.equal(exitCodeOf(interruptedBy("SIGTERM")), 143);
  });

  it("tell a reader that has had enough from an output that cannot be written", () => {
    const enough = outputLost(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
    const full = outputLost(Object.assign(new Error("write ENOSPC"), { code: "ENOSPC" }));
    assert.deepEqual([exitCodeOf(enough), exitCodeAfter(enough)], [141, 0]);
    assert.deepEqual([exitCodeOf(full), exitCodeAfter(full)], [1, 1]);
    assert.equal(full.message, "cannot write to stdout (ENOSPC)");
  });

  it("are 2 for a failed job only when its checkpoint is bad", () => {
    assert.equal(exitCodeOfJob({ code: "invalid_checkpoint" }), 2);
    assert.equal(exitCodeOfJob({ code: "numeric_error" }), 1);
    assert.equal(exitCodeOfJob(undefined), 1);
  });
});

describe("what a person reads of an error", () => {
  it("has six lines at most and no stack", () => {
    const many = Array.from({ length: 20 }, (_, i) => `problem ${i}`).join("\n");
    const lines = errorLines(new ClusterError("internal", many, { cause: new Error("secret") }));
    assert.equal(lines.length, 6);
    assert.equal(lines[0], "cogfleet: problem 0");
    assert.equal(lines[5], "  and 15 more");
    assert.ok(!lines.join("\n").includes("secret"));
  });
});
