import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { clipped, table } from "./table.js";

describe("a table", () => {
  it("lines columns up, numbers to the right", () => {
    const lines = table(
      ["ID", "PID", "JOB"],
      [
        ["worker-1", "7", "-"],
        ["w2", "12345", "a job"],
      ],
      ["PID"],
    );
    assert.deepEqual(lines, ["ID          PID  JOB", "worker-1      7  -", "w2        12345  a job"]);
  });
});

describe("clipped text", () => {
  it("stays on one line and says when it was cut", () => {
    assert.equal(clipped("a\n b\tc", 10), "a b c");
    assert.equal(clipped("0123456789", 10), "0123456789");
    assert.equal(clipped("0123456789x", 10), "012345678…");
  });
});
