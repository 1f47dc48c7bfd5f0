import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Job } from "./job.js";
import { spanOfJob, traceContextOf } from "./job-trace.js";
import { sampleJob } from "./testing/sample-jobs.js";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

function ended(over: Partial<Job>): Job {
  return { ...sampleJob("a").job, createdAt: 1000, startedAt: 3000, finishedAt: 9000, ...over };
}

describe("the span of a job", () => {
  it("goes from submission to end, under its client's", () => {
    const traceparent = `00-${TRACE}-${SPAN}-01`;
    const span = spanOfJob(ended({ traceparent, state: { kind: "completed", artifacts: [] } }));
    assert.deepEqual([span.startMs, span.endMs, span.failure], [1000, 9000, undefined]);
    assert.deepEqual(span.parent, { traceId: TRACE, spanId: SPAN, isSampled: true });
    assert.equal(span.context.traceId, TRACE);
    assert.equal(span.attributes["job.waited_seconds"], 2);
    assert.equal(span.attributes["job.outcome"], "completed");
  });

  it("is the root of a trace of its own when its client sent none, as of jobs of older releases", () => {
    const span = spanOfJob(ended({ state: { kind: "cancelled" } }));
    assert.equal(span.parent, undefined);
    assert.equal(span.context.isSampled, true);
  });

  it("says why the job failed", () => {
    const error = { code: "numeric_error", message: "NaN" };
    assert.equal(spanOfJob(ended({ state: { kind: "failed", error } })).failure, "numeric_error: NaN");
  });

  it("has the same context for whoever reads the job, and another for another job", () => {
    assert.deepEqual(traceContextOf({ id: "a" }), traceContextOf({ id: "a" }));
    assert.notEqual(traceContextOf({ id: "a" }).spanId, traceContextOf({ id: "b" }).spanId);
  });

  it("is not recorded when the client's is not", () => {
    const traceparent = `00-${TRACE}-${SPAN}-00`;
    assert.equal(traceContextOf({ id: "a", traceparent }).isSampled, false);
  });
});
