import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { type Logger, neverAborts, type Span, silentLogger, systemClock } from "@cogfleet/core";
import { openOtlpTracer } from "./otlp-tracer.js";

const SPAN: Span = {
  name: "job",
  context: { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7", isSampled: true },
  parent: { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b8", isSampled: true },
  startMs: 1_700_000_000_000.5,
  endMs: 1_700_000_001_000,
  attributes: { "job.id": "a", rank: 1 },
  failure: "numeric_error: NaN",
};

/** A collector at a base URL of its own. */
async function collector(t: TestContext, listener: RequestListener): Promise<URL> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/base`);
}

function open(endpoint: URL, log: Logger = silentLogger) {
  return openOtlpTracer(endpoint, {
    service: "worker",
    instance: "w1",
    version: "1",
    clock: systemClock,
    log,
  });
}

describe("spans on their way to a collector", () => {
  it("arrive at stop as OTLP, with ids, times, attributes and failure", async (t) => {
    const bodies: Buffer[] = [];
    let path: string | undefined;
    const endpoint = await collector(t, (request, response) => {
      path = request.url;
      request.on("data", (piece: Buffer) => bodies.push(piece));
      request.on("end", () => response.setHeader("content-type", "application/json").end("{}"));
    });
    const { tracer, stop } = open(endpoint);
    tracer.ended(SPAN);
    await stop(neverAborts);
    assert.equal(path, "/base/v1/traces");
    const { resourceSpans } = JSON.parse(Buffer.concat(bodies).toString());
    const [{ resource, scopeSpans }] = resourceSpans;
    assert.deepEqual(resource.attributes[0], {
      key: "service.name",
      value: { stringValue: "cogfleet-worker" },
    });
    const [span] = scopeSpans[0].spans;
    assert.equal(span.traceId, SPAN.context.traceId);
    assert.equal(span.spanId, SPAN.context.spanId);
    assert.equal(span.parentSpanId, SPAN.parent?.spanId);
    assert.equal(span.startTimeUnixNano, "1700000000000500000");
    assert.equal(span.endTimeUnixNano, "1700000001000000000");
    assert.deepEqual(span.status, { code: 2, message: "numeric_error: NaN" });
    assert.deepEqual(span.attributes, [
      { key: "job.id", value: { stringValue: "a" } },
      { key: "rank", value: { intValue: 1 } },
    ]);
  });

  it("cost one line of log when it refuses them", async (t) => {
    const endpoint = await collector(t, (_request, response) => response.writeHead(400).end());
    const lines: string[] = [];
    const { tracer, stop } = open(endpoint, { ...silentLogger, warn: (_fields, line) => lines.push(line) });
    for (let i = 0; i < 1500; i++) tracer.ended(SPAN); // three batches
    await stop(neverAborts);
    assert.deepEqual(lines, ["traces were not taken by the collector"]);
  });

  it("are given up at stop when its signal aborts", async (t) => {
    const endpoint = await collector(t, () => {}); // never answers
    const { tracer, stop } = open(endpoint);
    tracer.ended(SPAN);
    await stop(AbortSignal.timeout(50));
  });
});
