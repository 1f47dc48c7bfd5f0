import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  choiceSetting,
  describeSettings,
  integerSetting,
  readConfig,
  switchSetting,
  textSetting,
} from "./config.js";

const settings = {
  coordinator: textSetting({ help: "where it is" }),
  httpPort: integerSetting({ min: 0, max: 65_535, fallback: 0, help: "a port" }),
  device: choiceSetting({ choices: ["cpu", "cuda"], fallback: "cpu", help: "what computes" }),
  verbose: switchSetting({ help: "say more" }),
};

function problemsOf(argv: readonly string[], env: Record<string, string> = {}): string[] {
  try {
    readConfig(settings, argv, env);
  } catch (reason) {
    assert.ok(reason instanceof Error);
    return reason.message.split("; ");
  }
  return [];
}

describe("readConfig", () => {
  it("takes the flag before the variable before the fallback", () => {
    const env = { COGFLEET_COORDINATOR: "env:1", COGFLEET_HTTP_PORT: "1" };
    assert.deepEqual(
      { ...readConfig(settings, ["--http-port", "2", "--verbose"], env) },
      { coordinator: "env:1", httpPort: 2, device: "cpu", verbose: true },
    );
    assert.equal(readConfig(settings, ["--coordinator=flag:1"], env).coordinator, "flag:1");
  });

  it("reports every problem at once, each by the name under which it came", () => {
    const argv = ["--http-port", "70000", "--device", "tpu", "--colour", "x"];
    assert.deepEqual(problemsOf(argv, { COGFLEET_VERBOSE: "yes" }), [
      "unknown flag --colour",
      'unknown argument "x"',
      "--coordinator (or COGFLEET_COORDINATOR) is required",
      '--http-port must be an integer from 0 to 65535, got "70000"',
      '--device must be one of cpu, cuda, got "tpu"',
      'COGFLEET_VERBOSE must be true or false, got "yes"',
    ]);
  });

  for (const raw of ["", " ", "1.5", "0x10", "1e3", "-1", "65536", "٣"]) {
    it(`takes ${JSON.stringify(raw)} for no port`, () => {
      assert.deepEqual(problemsOf(["--coordinator", "a"], { COGFLEET_HTTP_PORT: raw }), [
        `COGFLEET_HTTP_PORT must be an integer from 0 to 65535, got "${raw}"`,
      ]);
    });
  }

  it("says which flag lacks its value", () => {
    assert.deepEqual(problemsOf(["--coordinator"]), [
      "--coordinator needs a value",
      "--coordinator (or COGFLEET_COORDINATOR) is required",
    ]);
  });

  it("asks how settings fit each other once each is right", () => {
    const asked: number[] = [];
    const relate = (config: { httpPort: number }): string[] => {
      asked.push(config.httpPort);
      return ["they do not fit"];
    };
    assert.throws(() => readConfig(settings, ["--coordinator", "a"], {}, relate), /they do not fit/);
    assert.throws(() => readConfig(settings, [], {}, relate), /is required/);
    assert.deepEqual(asked, [0]);
  });

  it("describes every setting", () => {
    const lines = describeSettings(settings).split("\n");
    assert.equal(
      lines[1],
      "  --http-port    a port (an integer from 0 to 65535; default 0; COGFLEET_HTTP_PORT)",
    );
    assert.equal(lines.length, 4);
  });
});
