import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError } from "./errors.js";
import { type Logger, silentLogger } from "./log.js";
import { RecurringFailure } from "./recurring-failure.js";
import { ManualClock } from "./testing/manual-clock.js";

const full = new ClusterError("resource_exhausted", "the disk is full");

function recorded() {
  const clock = new ManualClock();
  const lines: string[] = [];
  const note = (fields: object, message: string): void => {
    const { code, failures, seconds } = fields as Record<string, unknown>;
    lines.push(`${message}: ${code ?? `${seconds} s`}, ${failures}`);
  };
  const log: Logger = { ...silentLogger, warn: note, info: note };
  const failure = new RecurringFailure(
    { clock, log },
    { level: "warn", failed: "not written", over: "written again" },
  );
  return { clock, lines, failure };
}

describe("what fails again and again", () => {
  it("is told once, then once a minute with a count, and once when it is over", async () => {
    const { clock, lines, failure } = recorded();
    failure.succeeded();
    for (let second = 0; second < 150; second += 1) {
      failure.failed(full);
      await clock.advance(1_000);
    }
    assert.deepEqual(lines, [
      "not written: resource_exhausted, 1",
      "not written: resource_exhausted, 61",
      "not written: resource_exhausted, 121",
    ]);
    await clock.advance(4_000);
    failure.succeeded();
    failure.succeeded();
    assert.deepEqual(lines.slice(3), ["written again: 149 s, 150"]);
    failure.failed(full);
    assert.deepEqual(lines.slice(4), ["not written: resource_exhausted, 1"]);
  });

  it("is not over because something else succeeds in between", async () => {
    const { clock, lines, failure } = recorded();
    for (let second = 0; second < 30; second += 1) {
      failure.failed(full);
      await clock.advance(1_000);
      failure.succeeded();
    }
    assert.equal(lines.length, 1);
  });

  it("is told for each reason, and for a bug each time", () => {
    const { lines, failure } = recorded();
    for (const reason of [
      full,
      new ClusterError("unavailable", "no store"),
      full,
      new TypeError("x"),
      new TypeError("x"),
    ])
      failure.failed(reason);
    assert.deepEqual(
      lines.map((line) => line.replace(/.*: (.*),.*/, "$1")),
      ["resource_exhausted", "unavailable", "internal", "internal"],
    );
  });
});
