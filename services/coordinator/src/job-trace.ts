import { parseTraceparent, type Span, spanIdOf, type TraceContext, traceIdOf } from "@cogfleet/core";
import type { Job } from "./job.js";

type Traced = Pick<Job, "id" | "traceparent">;

/**
 * The context of a job's span: in its client's trace, or one of its own. It follows from what is stored, so every
 * coordinator knows it, before and after a take-over.
 */
export function traceContextOf(job: Traced): TraceContext {
  const { traceId, isSampled } = clientOf(job) ?? { traceId: traceIdOf(job.id), isSampled: true };
  return { traceId, spanId: spanIdOf(job.id), isSampled };
}

/** The span of a job that has ended, from its submission on. */
export function spanOfJob(job: Job): Span {
  const { id, request, state, createdAt, startedAt, finishedAt, attempts, workerIds } = job;
  const endMs = finishedAt ?? createdAt;
  const waitedMs = (startedAt ?? endMs) - createdAt;
  return {
    name: "job",
    context: traceContextOf(job),
    parent: clientOf(job),
    startMs: createdAt,
    endMs: Math.max(createdAt, endMs), // wall time may step back
    attributes: {
      "job.id": id,
      "job.outcome": state.kind,
      "job.model": request.model,
      "job.tenant": request.tenant,
      "job.attempts": attempts,
      "job.ranks": workerIds.length,
      "job.waited_seconds": Math.max(0, waitedMs / 1000),
    },
    failure: state.kind === "failed" ? `${state.error.code}: ${state.error.message}` : undefined,
  };
}

function clientOf({ traceparent }: Traced): TraceContext | undefined {
  return traceparent === undefined ? undefined : parseTraceparent(traceparent);
}
