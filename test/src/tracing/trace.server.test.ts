// The command, a coordinator and two workers, all real processes, and a collector: one trace.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { neverAborts, systemClock } from "@cogfleet/core";
import { DEMO, ProcessFleet } from "../parallel-services/fleet.js";
import { type ReceivedSpan, startReceiver } from "./receiver.js";

const LAUNCHER = fileURLToPath(new URL("../../../cli/bin/cogfleet.mjs", import.meta.url));
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const CLIENT_SPAN = "00f067aa0ba902b7";
const STEPS = 3;

describe("a traced job on two ranks", { timeout: 540_000 }, () => {
  it("is one trace: job, stages, steps, exchanges, below the span that submitted it", async (t) => {
    const { url, spans } = await startReceiver(t);
    const traced = ["--otlp-endpoint", url];
    const fleet = await ProcessFleet.start(t, traced);
    await fleet.workers(["w1", "w2"], DEMO, traced);
    await generate(t, fleet.endpoint);
    for (const worker of ["w1", "w2"]) fleet.signal(worker, "SIGTERM"); // which sends what is left

    const named = (name: string): ReceivedSpan[] => spans.filter((span) => span.name === name);
    while (named("job").length < 1 || named("decode").length < 2) await systemClock.sleep(50, neverAborts);

    assert.ok(spans.every(({ traceId }) => traceId === TRACE));
    const byId = new Map(spans.map((span) => [span.spanId, span]));
    assert.equal(byId.size, spans.length, "ids are not used twice");
    const parentOf = (span: ReceivedSpan): ReceivedSpan | undefined => byId.get(span.parentSpanId ?? "");

    const [job] = named("job");
    assert.ok(job);
    assert.equal(job.parentSpanId, CLIENT_SPAN);
    assert.equal(job.service, "cogfleet-coordinator");
    for (const stage of ["encode", "denoise", "decode"]) {
      assert.deepEqual(ranksOf(named(stage)), [0, 1], stage);
      assert.ok(named(stage).every((span) => parentOf(span) === job && span.service === "cogfleet-worker"));
    }
    const steps = named("step");
    assert.deepEqual(steps.map(({ rank, step }) => `${rank}.${step}`).sort(), [
      "0.1",
      "0.2",
      "0.3",
      "1.1",
      "1.2",
      "1.3",
    ]);
    const exchanges = spans.filter(({ name }) => name.startsWith("exchange "));
    assert.deepEqual(
      ranksOf(exchanges.filter(({ name }) => name === "exchange attention")),
      [0, 0, 0, 1, 1, 1],
      "each rank exchanges in each step",
    );
    for (const [children, name] of [
      [steps, "denoise"],
      [exchanges, "step"],
    ] as const)
      for (const child of children) {
        const parent = parentOf(child);
        assert.deepEqual([parent?.name, parent?.rank], [name, child.rank]);
      }
    assert.ok(spans.every((span) => BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano)));
    for (const step of steps) {
      const stage = parentOf(step);
      assert.ok(stage && BigInt(step.startTimeUnixNano) >= BigInt(stage.startTimeUnixNano));
      assert.ok(BigInt(step.endTimeUnixNano) <= BigInt(stage.endTimeUnixNano));
    }
  });
});

function ranksOf(spans: readonly ReceivedSpan[]): (number | undefined)[] {
  return spans.map(({ rank }) => rank).sort();
}

/** `cogfleet generate`, within a trace of its caller's. */
async function generate(t: { after(end: () => void): void }, endpoint: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "cogfleet-trace-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const flags = ["--endpoint", endpoint, "--parallel", "cfg=1,context=2", "--steps", String(STEPS)];
  const args = [
    LAUNCHER,
    "generate",
    "--prompt",
    "a red circle",
    ...flags,
    "--output",
    join(folder, "video.mp4"),
  ];
  const env = { ...process.env, TRACEPARENT: `00-${TRACE}-${CLIENT_SPAN}-01` };
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"], env });
  let errors = "";
  child.stderr.on("data", (text) => (errors += text));
  const [code] = await once(child, "close");
  assert.equal(code, 0, errors);
}
