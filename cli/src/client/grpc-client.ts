import { type Clock, ClusterError } from "@cogfleet/core";
import { generationApi } from "@cogfleet/proto";
import type { Job__Output } from "@cogfleet/proto/gen/cogfleet/v1/Job";
import type { ListModelsResponse__Output } from "@cogfleet/proto/gen/cogfleet/v1/ListModelsResponse";
import type { ListResponse__Output } from "@cogfleet/proto/gen/cogfleet/v1/ListResponse";
import type { ListWorkersResponse__Output } from "@cogfleet/proto/gen/cogfleet/v1/ListWorkersResponse";
import type { Worker__Output } from "@cogfleet/proto/gen/cogfleet/v1/Worker";
import { callUnary, connectionFault, isServiceError, readStream } from "@cogfleet/service";
import { type CallOptions, type ChannelCredentials, Metadata, status } from "@grpc/grpc-js";
import { decodeEvent, decodeJob, decodeModel, decodeWorker } from "./decode.js";
import type { ArtifactKind, GenerationClient, JobState } from "./generation.js";

const CALL_TIMEOUT_MS = 10_000; // a coordinator answers within milliseconds, or something is wrong
const PAGE_SIZE = 1000; // the most that List gives

const STATE_NAMES = {
  queued: "JOB_STATE_QUEUED",
  running: "JOB_STATE_RUNNING",
  completed: "JOB_STATE_COMPLETED",
  failed: "JOB_STATE_FAILED",
  cancelled: "JOB_STATE_CANCELLED",
} as const satisfies Record<JobState, string>;

const KIND_NAMES = {
  video: "ARTIFACT_KIND_VIDEO",
  latents: "ARTIFACT_KIND_LATENTS",
  frames: "ARTIFACT_KIND_FRAMES",
} as const satisfies Record<ArtifactKind, string>;

/** Speaks to the coordinator at `host:port`. Nothing is dialled before the first call. */
export function connectGeneration(
  endpoint: string,
  credentials: ChannelCredentials,
  clock: Clock,
): GenerationClient {
  const client = new generationApi.Generation(endpoint, credentials, {
    "grpc.max_receive_message_length": 64 * 2 ** 20,
    // A watch is silent for as long as a step takes: pings tell a slow coordinator from one that is gone.
    "grpc.keepalive_time_ms": 20_000,
    "grpc.keepalive_timeout_ms": 10_000,
    "grpc.max_reconnect_backoff_ms": 2_000,
  });
  const timely = (): CallOptions => ({ deadline: clock.wallTime() + CALL_TIMEOUT_MS });

  /** Tells "nobody there" from what a coordinator answers. */
  const mapped = (reason: unknown): unknown => {
    if (!(reason instanceof ClusterError) || !isServiceError(reason.cause)) return reason;
    const { code, metadata } = reason.cause;
    const isOurs = metadata.get("cogfleet-error-code").length > 0;
    if (isOurs || (code !== status.UNAVAILABLE && code !== status.DEADLINE_EXCEEDED)) return reason;
    const why = connectionFault(reason.cause) ?? "is it running?";
    return new ClusterError("peer_lost", `cannot reach the coordinator at ${endpoint}: ${why}`, {
      cause: reason,
    });
  };
  async function unary<Res>(start: Parameters<typeof callUnary<Res>>[0], signal: AbortSignal): Promise<Res> {
    try {
      return await callUnary(start, signal);
    } catch (reason) {
      throw mapped(reason);
    }
  }
  async function* stream<Res>(
    call: Parameters<typeof readStream<Res>>[0],
    signal: AbortSignal,
  ): AsyncGenerator<Res, void, undefined> {
    try {
      yield* readStream(call, signal);
    } catch (reason) {
      throw mapped(reason);
    }
  }

  return {
    async submit({ extraArtifacts, deadline, traceparent, ...submission }, signal) {
      const metadata = new Metadata();
      if (traceparent !== undefined) metadata.set("traceparent", traceparent);
      const request = {
        ...given(submission),
        ...(deadline === undefined ? {} : { deadline: timestampOf(deadline) }),
        extraArtifacts: extraArtifacts.map((kind) => KIND_NAMES[kind]),
      };
      return decodeJob(
        await unary<Job__Output>((done) => client.submit(request, metadata, timely(), done), signal),
      );
    },
    async get(jobId, signal) {
      return decodeJob(await unary<Job__Output>((done) => client.get({ jobId }, timely(), done), signal));
    },
    async list({ states, tenant = "", limit }, signal) {
      const jobs: Job__Output[] = [];
      let pageToken = "";
      do {
        const request = {
          states: states.map((state) => STATE_NAMES[state]),
          pageSize: Math.min(PAGE_SIZE, limit - jobs.length),
          pageToken,
          tenant,
        };
        const page = await unary<ListResponse__Output>(
          (done) => client.list(request, timely(), done),
          signal,
        );
        jobs.push(...page.jobs);
        pageToken = page.nextPageToken;
      } while (pageToken !== "" && jobs.length < limit);
      return jobs.map(decodeJob);
    },
    async *watch(jobId, afterSequence, signal) {
      for await (const event of stream(client.watch({ jobId, afterSequence }), signal))
        yield decodeEvent(event);
    },
    async cancel(jobId, signal) {
      return decodeJob(await unary<Job__Output>((done) => client.cancel({ jobId }, timely(), done), signal));
    },
    async *download(jobId, { kind, offset }, signal) {
      const call = client.download({ jobId, kind: KIND_NAMES[kind], offset });
      for await (const chunk of stream(call, signal)) {
        yield { data: chunk.data, offset: Number(chunk.offset), totalBytes: Number(chunk.totalBytes) };
      }
    },
    async workers(signal) {
      const { workers } = await unary<ListWorkersResponse__Output>(
        (done) => client.listWorkers({}, timely(), done),
        signal,
      );
      return workers.map(decodeWorker);
    },
    async drain(workerId, signal) {
      return decodeWorker(
        await unary<Worker__Output>((done) => client.drainWorker({ workerId }, timely(), done), signal),
      );
    },
    async models(signal) {
      const { models } = await unary<ListModelsResponse__Output>(
        (done) => client.listModels({}, timely(), done),
        signal,
      );
      return models.map(decodeModel);
    },
    close: () => client.close(),
  };
}

function timestampOf(ms: number): { readonly seconds: number; readonly nanos: number } {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: (ms - seconds * 1000) * 1_000_000 };
}

/** The fields that have a value: on the wire, what is absent takes the model's default. */
function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> }; // undefined is filtered out above
}
