import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatTraceparent, parseTraceparent, spanIdOf, traceIdOf } from "./tracing.js";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

describe("traceparent", () => {
  it("is read and written as W3C's own example", () => {
    const text = `00-${TRACE}-${SPAN}-01`;
    assert.deepEqual(parseTraceparent(text), { traceId: TRACE, spanId: SPAN, isSampled: true });
    assert.equal(formatTraceparent({ traceId: TRACE, spanId: SPAN, isSampled: true }), text);
    assert.equal(
      formatTraceparent({ traceId: TRACE, spanId: SPAN, isSampled: false }),
      `00-${TRACE}-${SPAN}-00`,
    );
  });

  it("takes the sampled bit out of the flags, and later versions with more fields", () => {
    assert.equal(parseTraceparent(`00-${TRACE}-${SPAN}-02`)?.isSampled, false);
    assert.equal(parseTraceparent(`00-${TRACE}-${SPAN}-03`)?.isSampled, true);
    assert.equal(parseTraceparent(`cc-${TRACE}-${SPAN}-01-what-comes`)?.spanId, SPAN);
  });

  for (const [what, text] of [
    ["nothing", ""],
    ["upper-case digits", `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ["a trace of zeros", `00-${"0".repeat(32)}-${SPAN}-01`],
    ["a span of zeros", `00-${TRACE}-${"0".repeat(16)}-01`],
    ["the forbidden version", `ff-${TRACE}-${SPAN}-01`],
    ["more fields than its version has", `00-${TRACE}-${SPAN}-01-x`],
    ["a short id", `00-${TRACE}-${SPAN.slice(1)}-01`],
  ] as const)
    it(`ignores ${what}`, () => assert.equal(parseTraceparent(text), undefined));
});

describe("the ids of traces and spans", () => {
  it("are those of their names, and valid", () => {
    assert.equal(spanIdOf("job", 1, "denoise"), spanIdOf("job", 1, "denoise"));
    assert.notEqual(spanIdOf("job", 1, "denoise"), spanIdOf("job", 11, "denoise"));
    assert.notEqual(spanIdOf("a", "bc"), spanIdOf("ab", "c"));
    const made = { traceId: traceIdOf("job"), spanId: spanIdOf("job"), isSampled: true };
    assert.deepEqual(parseTraceparent(formatTraceparent(made)), made);
  });
});
