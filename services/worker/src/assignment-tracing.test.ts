import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Span } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import type { Assignment } from "./assignment.js";
import { AssignmentTracing } from "./assignment-tracing.js";
import { assignment } from "./testing/fakes.js";

const JOB = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7", isSampled: true };

function setUp() {
  const clock = new ManualClock();
  const spans: Span[] = [];
  const tracing = new AssignmentTracing({ ended: (span) => spans.push(span) }, clock);
  const begin = (over: Partial<Assignment> = {}) => tracing.begin(assignment("a", { trace: JOB, ...over }));
  /** name, name of the parent, milliseconds, failure. */
  const told = () =>
    spans.map(({ name, parent, startMs, endMs, attributes, failure }) => {
      const above = spans.find(({ context }) => context.spanId === parent?.spanId);
      const of = parent?.spanId === JOB.spanId ? "job" : `${above?.name}${above?.attributes["step"] ?? ""}`;
      const what = `${name}${attributes["step"] ?? ""} of ${of}, ${endMs - startMs} ms`;
      return failure === undefined ? what : `${what}: ${failure}`;
    });
  return { clock, tracing, spans, begin, told };
}

describe("the spans of an assignment", () => {
  it("are its stages, their steps, and what is exchanged in a step", async () => {
    const { clock, tracing, begin, told, spans } = setUp();
    begin();
    tracing.stage("encode", 0);
    await clock.advance(5);
    tracing.stage("denoise", 2);
    for (const ms of [10, 20]) {
      await clock.advance(ms);
      tracing.exchanged("attention", 0.004);
      if (ms === 20) tracing.exchanged("state", 0.003);
      tracing.transformerRan();
      await clock.advance(1);
      tracing.stepDone();
    }
    tracing.stage("decode", 0);
    await clock.advance(7);
    tracing.exchanged("state", 0.002);
    tracing.end(undefined);
    assert.deepEqual(told(), [
      "encode of job, 5 ms",
      "exchange attention of step1, 4 ms",
      "step1 of denoise, 11 ms",
      "exchange attention of step2, 4 ms",
      "exchange state of step2, 3 ms",
      "step2 of denoise, 21 ms",
      "denoise of job, 32 ms",
      "exchange state of step2, 2 ms",
      "decode of job, 7 ms",
    ]);
    assert.ok(spans.every(({ context }) => context.traceId === JOB.traceId));
    assert.equal(new Set(spans.map(({ context }) => context.spanId)).size, spans.length);
  });

  it("end a step with the transformer's run on other ranks than the first", async () => {
    const { clock, tracing, begin, told } = setUp();
    begin({ rank: 1, startStep: 1 });
    tracing.stage("denoise", 2);
    await clock.advance(10);
    tracing.transformerRan();
    tracing.end(undefined);
    assert.deepEqual(told(), ["step2 of denoise, 10 ms", "denoise of job, 10 ms"]);
  });

  it("say why the work under way failed", async () => {
    const { clock, tracing, begin, told } = setUp();
    begin();
    tracing.stage("denoise", 2);
    await clock.advance(3);
    tracing.end("peer_lost: rank 1 is gone");
    const why = "3 ms: peer_lost: rank 1 is gone";
    assert.deepEqual(told(), [`step1 of denoise, ${why}`, `denoise of job, ${why}`]);
  });

  it("differ between ranks and attempts", () => {
    const { tracing, begin, spans } = setUp();
    for (const over of [{}, { rank: 1 }, { epoch: 2 }]) {
      begin(over);
      tracing.stage("encode", 0);
      tracing.end(undefined);
    }
    assert.equal(new Set(spans.map(({ context }) => context.spanId)).size, 3);
  });

  it("are none for what is not traced, not sampled, or over", () => {
    const { tracing, begin, spans } = setUp();
    for (const trace of [undefined, { ...JOB, isSampled: false }]) {
      begin({ trace });
      tracing.stage("denoise", 2);
      tracing.stepDone();
      tracing.end(undefined);
    }
    tracing.exchanged("state", 1);
    tracing.transformerRan();
    assert.deepEqual(spans, []);
  });
});
