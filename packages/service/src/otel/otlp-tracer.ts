import { linkSignals, orAbort, type Span, type TraceContext } from "@cogfleet/core";
import { type HrTime, type SpanContext, SpanKind, SpanStatusCode, TraceFlags } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from "@opentelemetry/sdk-trace";
import type { Tracing, TracingDeps } from "../tracing.js";

const EXPORT_TIMEOUT_MS = 5_000;
const SCOPE = "cogfleet";
const SUCCESS = 0; // of ExportResultCode

/** Sends spans in batches to the collector at that URL. One that does not take them costs spans and one line of log. */
export function openOtlpTracer(endpoint: URL, deps: TracingDeps): Tracing {
  const { service, instance, version, clock, log } = deps;
  const resource = resourceFromAttributes({
    "service.name": `cogfleet-${service}`,
    "service.instance.id": instance,
    "service.version": version,
  });
  const exporter = new OTLPTraceExporter({
    url: new URL(`${endpoint.pathname.replace(/\/$/, "")}/v1/traces`, endpoint).href,
    timeoutMillis: EXPORT_TIMEOUT_MS,
  });
  const processor = new BatchSpanProcessor({
    exporter: quiet(exporter, (reason) => log.warn({ reason }, "traces were not taken by the collector")),
    exportTimeoutMillis: EXPORT_TIMEOUT_MS,
  });
  return {
    tracer: {
      ended(span) {
        processor.onEnd({
          ...readable(span),
          resource,
          instrumentationScope: { name: SCOPE, version },
        });
      },
    },
    async stop(signal) {
      const patience = new AbortController();
      const linked = linkSignals(signal, patience.signal);
      const bound = clock.sleep(EXPORT_TIMEOUT_MS, linked.signal).then(
        () => patience.abort(),
        () => {},
      );
      try {
        await orAbort(processor.shutdown(), linked.signal).catch(() => {});
      } finally {
        patience.abort();
        await bound;
        linked.unlink();
      }
    },
  };
}

/** The exporter, whose failures are told once until it succeeds again, and stop nothing. */
function quiet(exporter: SpanExporter, onFailure: (reason: string) => void): SpanExporter {
  let isFailing = false;
  return {
    export(spans, done) {
      exporter.export(spans, ({ code, error }) => {
        if (code !== SUCCESS && !isFailing) onFailure(error?.message ?? "unknown");
        isFailing = code !== SUCCESS;
        done({ code: SUCCESS });
      });
    },
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}

/** As the library knows spans: ids are ours, so its own tracer makes none of them. */
function readable(span: Span): Omit<ReadableSpan, "resource" | "instrumentationScope"> {
  const { name, context, parent, startMs, endMs, attributes, failure } = span;
  const spanContext = contextOf(context);
  return {
    name,
    kind: SpanKind.INTERNAL,
    spanContext: () => spanContext,
    ...(parent === undefined ? {} : { parentSpanContext: contextOf(parent) }),
    startTime: timeOf(startMs),
    endTime: timeOf(endMs),
    duration: timeOf(endMs - startMs),
    status:
      failure === undefined
        ? { code: SpanStatusCode.UNSET }
        : { code: SpanStatusCode.ERROR, message: failure },
    attributes: { ...attributes },
    links: [],
    events: [],
    ended: true,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function contextOf({ traceId, spanId, isSampled }: TraceContext): SpanContext {
  return { traceId, spanId, traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE };
}

/** Seconds and nanoseconds. */
function timeOf(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}
