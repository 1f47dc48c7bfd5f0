import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { countingRandom, ManualClock } from "@cogfleet/core/testing";
import { runProgram } from "./program.js";

/** Runs the command line in this process; a refusal becomes its message. */
async function run(
  ...argv: string[]
): Promise<{ out: string; code: number; refusal: string; became: string[] }> {
  const out: string[] = [];
  const became: string[] = [];
  const context = {
    terminal: { out: (line: string) => void out.push(line), err: () => {}, bar: undefined },
    env: {},
    clock: new ManualClock(),
    random: countingRandom(),
    interrupt: neverAborts,
    become: async (module: URL, flags: readonly string[]) => {
      became.push(module.pathname.split("/").slice(-3).join("/"), ...flags);
    },
  };
  try {
    const code = await runProgram(argv, context);
    return { out: out.join("\n"), code, refusal: "", became };
  } catch (reason) {
    assert.ok(reason instanceof ClusterError, String(reason));
    assert.equal(reason.code, "invalid_request");
    return { out: out.join("\n"), code: 2, refusal: reason.message, became };
  }
}

describe("the command line", () => {
  it("lists every command in its help", async () => {
    const { out, code } = await run("--help");
    assert.equal(code, 0);
    for (const name of [
      "generate",
      "up",
      "coordinator",
      "worker",
      "jobs",
      "workers",
      "models",
      "model",
      "plan",
    ]) {
      assert.match(out, new RegExp(`^  ${name}\\b`, "m"));
    }
  });

  it("refuses what it does not know, in one sentence", async () => {
    for (const [argv, words] of [
      [["dance"], /unknown command 'dance'/],
      [["generate", "--promt", "x"], /unknown option '--promt'/],
      [["generate", "--prompt"], /argument missing/],
      [["jobs", "get"], /missing required argument 'job-id'/],
      [["jobs", "list", "extra"], /too many arguments/],
      [["up", "--workers", "none"], /--workers must be a whole number from 1 to 256/],
      [["up", "--port", "65536", "--device", "tpu"], /--port must be.*\n.*--device must be/],
      [["jobs", "list", "--state", "odd", "--endpoint", "x"], /--state must be.*\n.*--endpoint must be/],
    ] as const) {
      const { refusal } = await run(...argv);
      assert.match(refusal, words, argv.join(" "));
    }
  });

  it("hands the services their flags untouched, --help too", async () => {
    const coordinator = await run("coordinator", "--port", "0", "--help");
    assert.deepEqual(coordinator.became, ["coordinator/dist/main.js", "--port", "0", "--help"]);
    const worker = await run("worker", "--model", "m", "--unknown");
    assert.deepEqual(worker.became, ["worker/dist/main.js", "--model", "m", "--unknown"]);
  });
});
