import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError } from "@cogfleet/core";
import fc from "fast-check";
import { FlagReader, isEndpoint } from "./flags.js";

function problemsOf(read: (flags: FlagReader) => void, raw: Record<string, unknown>): string {
  const flags = new FlagReader(raw);
  read(flags);
  try {
    flags.finish();
  } catch (error) {
    assert.ok(error instanceof ClusterError && error.code === "invalid_request");
    return error.message;
  }
  return "";
}

describe("a time", () => {
  it("needs its zone", () => {
    const flags = new FlagReader({
      a: "2026-12-01T10:00:00Z",
      b: "2026-12-01T10:00+02:00",
      c: "2026-12-01T10:00",
    });
    assert.equal(flags.time("a"), Date.UTC(2026, 11, 1, 10));
    assert.equal(flags.time("b"), Date.UTC(2026, 11, 1, 8));
    assert.equal(flags.time("c"), undefined);
    assert.throws(() => flags.finish(), /--c must be a time with its zone/);
  });
});

describe("FlagReader", () => {
  it("reads every int32 and refuses everything that is not written as one", () => {
    fc.assert(
      fc.property(fc.integer(), (value) => {
        const limited = Math.max(value, -(2 ** 31 - 1));
        assert.equal(new FlagReader({ height: String(limited) }).integer("height"), limited);
      }),
    );
    for (const raw of ["", " 5", "5.0", "1e3", "0x10", "five", "NaN", "2147483648", "-", "٣"]) {
      assert.match(
        problemsOf((flags) => flags.integer("height"), { height: raw }),
        /--height must be/,
        raw,
      );
    }
  });

  it("refuses 0 where a number must be above it", () => {
    const read = (flags: FlagReader): unknown => flags.positive("max-run-seconds");
    for (const raw of ["0", "-1", "1e999", "x"]) {
      const problem = `--max-run-seconds must be a finite number above 0, got "${raw}"`;
      assert.equal(problemsOf(read, { maxRunSeconds: raw }), problem);
    }
    assert.equal(new FlagReader({ maxRunSeconds: "0.5" }).positive("max-run-seconds"), 0.5);
  });

  it("refuses numbers that are not finite or below the least", () => {
    const read = (flags: FlagReader): unknown => flags.decimal("guidance-scale", 0);
    for (const raw of ["nan", "Infinity", "1e999", "-0.1", "", "1,5", "0x1", "."]) {
      assert.match(problemsOf(read, { guidanceScale: raw }), /--guidance-scale must be a finite number/, raw);
    }
    for (const [raw, value] of [
      ["0", 0],
      ["6", 6],
      ["1.5", 1.5],
      [".5", 0.5],
      ["1e1", 10],
    ] as const) {
      assert.equal(read(new FlagReader({ guidanceScale: raw })), value);
    }
  });

  it("keeps a seed's digits and refuses one beyond 2^53 - 1", () => {
    assert.equal(new FlagReader({ seed: "9007199254740991" }).seed("seed"), "9007199254740991");
    for (const raw of ["9007199254740992", "-1", "1.0", "abc", "99999999999999999999"]) {
      assert.match(
        problemsOf((flags) => flags.seed("seed"), { seed: raw }),
        /--seed must be/,
        raw,
      );
    }
  });

  it("reports every problem at once, one a line", () => {
    const message = problemsOf(
      (flags) => {
        flags.requiredText("prompt");
        flags.integer("steps", { min: 1, max: 1000 });
        flags.oneOf("scheduler", ["ddim", "dpm"]);
      },
      { prompt: "  ", steps: "0", scheduler: "euler" },
    );
    assert.deepEqual(
      message.split("\n").map((line) => line.trim()),
      [
        "--prompt must not be blank",
        '--steps must be a whole number from 1 to 1000, got "0"',
        '--scheduler must be ddim or dpm, got "euler"',
      ],
    );
  });

  it("tells a flag that is set from one switched off and one left out", () => {
    const flags = new FlagReader({ json: true, metadata: false });
    assert.deepEqual([flags.isSet("json"), flags.isSet("local")], [true, false]);
    assert.deepEqual([flags.isOff("metadata"), flags.isOff("json")], [true, false]);
  });
});

describe("isEndpoint", () => {
  it("takes host:port and nothing else", () => {
    for (const good of ["127.0.0.1:50051", "localhost:1", "my-host.example:65535", "[::1]:80"]) {
      assert.ok(isEndpoint(good), good);
    }
    for (const bad of [
      "",
      "localhost",
      "host:",
      ":80",
      "host:0",
      "host:65536",
      "http://host:80",
      "a b:80",
      "::1:80",
    ]) {
      assert.ok(!isEndpoint(bad), bad);
    }
  });
});
