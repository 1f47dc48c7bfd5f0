import type { Clock, Logger, Tracer } from "@cogfleet/core";
import { type ConfigOf, textSetting } from "./config.js";

const NONE = "none";

/** The setting of every process that can be traced. */
export const tracingSettings = {
  otlpEndpoint: textSetting({
    fallback: NONE,
    help: "URL of an OpenTelemetry collector that takes OTLP over HTTP, such as http://collector:4318; none: no traces",
  }),
};

type TracingConfig = ConfigOf<typeof tracingSettings>;

/** What is wrong with it. */
export function tracingProblems({ otlpEndpoint }: TracingConfig): readonly string[] {
  if (otlpEndpoint === NONE) return [];
  const url = URL.canParse(otlpEndpoint) ? new URL(otlpEndpoint) : undefined;
  return url?.protocol === "http:" || url?.protocol === "https:"
    ? []
    : [`--otlp-endpoint must be a URL with http or https, or none, got "${otlpEndpoint}"`];
}

/** Who makes spans, and what its exporter needs. */
export interface TracingDeps {
  readonly service: string;
  /** Of several of that service. */
  readonly instance: string;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Tracing {
  readonly tracer: Tracer;
  /** Sends what is left, for a few seconds at most and until the signal aborts. */
  stop(signal: AbortSignal): Promise<void>;
}

/** Undefined when nothing is to be traced: then no library is loaded either. */
export async function openTracing(
  { otlpEndpoint }: TracingConfig,
  deps: TracingDeps,
): Promise<Tracing | undefined> {
  if (otlpEndpoint === NONE) return undefined;
  const { openOtlpTracer } = await import("./otel/otlp-tracer.js");
  return openOtlpTracer(new URL(otlpEndpoint), deps);
}
