import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { countingRandom, ManualClock } from "@cogfleet/core/testing";
import { runProgram } from "./program.js";

/** `cogfleet plan` in this process. */
async function plan(...flags: string[]): Promise<string> {
  const out: string[] = [];
  await runProgram(["plan", ...flags], {
    terminal: { out: (line) => void out.push(line), err: () => {}, bar: undefined },
    env: {},
    clock: new ManualClock(),
    random: countingRandom(),
    interrupt: neverAborts,
    become: async () => {},
  });
  return out.join("\n");
}

async function refusal(...flags: string[]): Promise<ClusterError> {
  try {
    await plan(...flags);
  } catch (reason) {
    assert.ok(reason instanceof ClusterError, String(reason));
    return reason;
  }
  throw new assert.AssertionError({ message: `plan ${flags.join(" ")} was not refused` });
}

describe("plan", () => {
  it("explains its choice in tables: stages with what limits them, and what else was weighed", async () => {
    const text = await plan("--workers", "4", "--bandwidth", "100");
    assert.match(text, /^demo, 64x64, 17 frames, 50 steps, fp32 on 4 x cpu$/m);
    assert.match(text, /^plan: --parallel cfg=[12],context=\d, decode \w+, on w0/m);
    assert.match(text, /^STAGE +TIME +COMPUTE +WIRE +LATENCY +HOST +BYTES +LIMIT$/m);
    for (const stage of ["encode", "denoise", "decode"])
      assert.match(text, new RegExp(`^${stage} +\\d`, "m"));
    assert.match(text, /^cfg=\d,context=\d +\w+ +[\d.]+ \w+ +chosen$/m);
  });

  it("gives the same as JSON", async () => {
    const result = JSON.parse(
      await plan("--json", "--parallel", "cfg=2,context=2", "--worker-rates", "1,1,0.5,0.5"),
    );
    assert.equal(result.plan.cfg, 2);
    assert.equal(result.plan.context, 2);
    assert.equal(result.workers.length, 4);
    assert.deepEqual(
      result.stages.map(({ stage }: { stage: string }) => stage),
      ["encode", "denoise", "decode"],
    );
    const seconds = result.stages.reduce((sum: number, stage: { seconds: number }) => sum + stage.seconds, 0);
    assert.ok(Math.abs(seconds / result.seconds - 1) < 1e-9);
    assert.deepEqual(
      result.alternatives.map(({ parallel }: { parallel: string }) => parallel),
      ["cfg=2,context=2"],
    );
  });

  it("names every flag that is wrong, and what the model refuses", async () => {
    const flags = ["--workers", "0", "--bandwidth", "0", "--latency", "-1", "--memory", "much"];
    const { code, message } = await refusal(...flags, "--parallel", "cfg=3", "--device", "tpu");
    assert.equal(code, "invalid_request");
    for (const flag of ["workers", "bandwidth", "latency", "memory", "parallel", "device"])
      assert.match(message, new RegExp(`--${flag} must be`));
    assert.match((await refusal("--worker-rates", "1,,2")).message, /--worker-rates must be/);
    assert.match((await refusal("--worker-rates", "1,2", "--workers", "3")).message, /give one of them/);
    assert.match((await refusal("--frames", "16")).message, /num_frames 16 must be 8k\+1/);
  });

  it("passes on why the planner refuses, with what would work", async () => {
    const few = await refusal("--workers", "2", "--parallel", "cfg=2,context=2");
    assert.equal(few.code, "resource_exhausted");
    assert.match(few.message, /needs 4 workers, there are 2: add 2/);
    const small = await refusal("--memory", "0.001");
    assert.equal(small.code, "out_of_memory");
    assert.match(small.message, /does not fit: worker w\d has .* what would help: /);
  });
});
