import { createHash } from "node:crypto";

/** A span's place in a trace, as W3C's `traceparent` names it. */
export interface TraceContext {
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** 16 lower-case hex digits. */
  readonly spanId: string;
  /** Whoever began the trace wants it recorded. */
  readonly isSampled: boolean;
}

/** A piece of work that is over. */
export interface Span {
  readonly name: string;
  readonly context: TraceContext;
  /** Undefined: the root of its trace. */
  readonly parent: TraceContext | undefined;
  /** Wall time, milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** Why it failed; undefined: it did not. */
  readonly failure: string | undefined;
}

/** Takes spans as they end. Whoever traces nothing has none of these, and makes no spans. */
export interface Tracer {
  /** Never throws, never waits. */
  ended(span: Span): void;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Undefined for what is no `traceparent`, which W3C wants ignored: https://www.w3.org/TR/trace-context/ */
export function parseTraceparent(text: string): TraceContext | undefined {
  const [, version, traceId, spanId, flags, rest] = TRACEPARENT.exec(text) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  // Versions to come may add fields, ours has none.
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceparent({ traceId, spanId, isSampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`;
}

/** The trace of something that came without one: the same for the same name, in every process. */
export function traceIdOf(name: string): string {
  return digest(["trace", name], 32);
}

/** A span within what has that id: the same for the same names, so that nobody needs to be told of it. */
export function spanIdOf(...names: readonly (string | number)[]): string {
  return digest(["span", ...names], 16);
}

function digest(names: readonly (string | number)[], digits: number): string {
  return createHash("sha256").update(JSON.stringify(names)).digest("hex").slice(0, digits);
}
