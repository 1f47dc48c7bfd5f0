import { type Logger, linkSignals } from "@cogfleet/core";
import type { DownloadChunk } from "@cogfleet/proto/gen/cogfleet/v1/DownloadChunk";
import type { DownloadRequest__Output } from "@cogfleet/proto/gen/cogfleet/v1/DownloadRequest";
import type { Event } from "@cogfleet/proto/gen/cogfleet/v1/Event";
import type { GenerationHandlers } from "@cogfleet/proto/gen/cogfleet/v1/Generation";
import type { Job as WireJob } from "@cogfleet/proto/gen/cogfleet/v1/Job";
import type { WatchRequest__Output } from "@cogfleet/proto/gen/cogfleet/v1/WatchRequest";
import { serverStream, unary } from "@cogfleet/service";
import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import type { Fleet } from "../fleet.js";
import type { FleetView } from "../fleet-view.js";
import type { Job } from "../job.js";
import type { Jobs } from "../jobs.js";
import type { ModelCatalog } from "../models.js";
import {
  downloadFromWire,
  integerFromWire,
  listFromWire,
  requireJobId,
  submitFromWire,
  traceparentOf,
} from "./job-from-wire.js";
import { eventToWire, jobToWire, modelToWire, workerToWire } from "./job-to-wire.js";

export interface GenerationDeps {
  readonly jobs: Jobs;
  readonly models: ModelCatalog;
  readonly fleet: Pick<Fleet, "drain">;
  readonly workers: Pick<FleetView, "all" | "waitReason">;
  readonly log: Logger;
  /** Aborts when the server stops: ends the watches, which have no end of their own. */
  readonly stopping: AbortSignal;
}

const MOST_PAGE_BYTES = 3 * 1024 * 1024; // most clients take messages of 4 MiB

/** The first of these jobs, at least one, that fit into a page: each has prompts of up to 600 kB. */
function fitting(jobs: readonly WireJob[]): WireJob[] {
  let bytes = 0;
  const tooMany = jobs.findIndex((job, i) => {
    bytes += Buffer.byteLength(JSON.stringify(job)); // about as many as on the wire
    return i > 0 && bytes > MOST_PAGE_BYTES;
  });
  return jobs.slice(0, tooMany < 0 ? jobs.length : tooMany);
}

/** The front door. */
export function generationHandlers(deps: GenerationDeps): GenerationHandlers & UntypedServiceImplementation {
  const { jobs, models, fleet, workers, log, stopping } = deps;
  const toWire = (job: Job, fleet = workers.all()) =>
    jobToWire(job, jobs.queuePosition(job.id), workers.waitReason(job, fleet));

  async function* watch(request: WatchRequest__Output, signal: AbortSignal): AsyncGenerator<Event> {
    const jobId = requireJobId(request.jobId);
    const linked = linkSignals(signal, stopping);
    try {
      const after = integerFromWire(request.afterSequence);
      for await (const event of jobs.watch(jobId, after, linked.signal)) {
        const reason =
          event.state === "queued" ? workers.waitReason(await jobs.get(jobId, linked.signal)) : "";
        yield eventToWire(jobId, event, reason);
      }
    } finally {
      linked.unlink();
    }
  }

  async function* download(
    request: DownloadRequest__Output,
    signal: AbortSignal,
  ): AsyncGenerator<DownloadChunk> {
    const { kind, offset } = downloadFromWire(request);
    const { artifact, pieces } = await jobs.openArtifact(requireJobId(request.jobId), kind, offset, signal);
    const totalBytes = artifact.bytes;
    let at = offset;
    for await (const data of pieces) {
      yield { data: Buffer.from(data.buffer, data.byteOffset, data.byteLength), offset: at, totalBytes };
      at += data.byteLength;
    }
    // An empty rest still tells the size.
    if (at === offset) yield { data: Buffer.alloc(0), offset, totalBytes };
  }

  return {
    Submit: unary("Submit", log, async (request, { signal, metadata }) =>
      toWire(await jobs.submit(submitFromWire(request), signal, traceparentOf(metadata))),
    ),
    Get: unary("Get", log, async ({ jobId }, { signal }) =>
      toWire(await jobs.get(requireJobId(jobId), signal)),
    ),
    List: unary("List", log, async (request, { signal }) => {
      const query = listFromWire(request);
      const found = await jobs.list(query, signal);
      const fleet = workers.all();
      const page = fitting(found.map(({ job }) => toWire(job, fleet)));
      const isMore = page.length < found.length || found.length === query.limit;
      const last = isMore ? found[page.length - 1] : undefined;
      return { jobs: page, nextPageToken: last === undefined ? "" : String(last.order) };
    }),
    Watch: serverStream("Watch", log, (request, { signal }) => watch(request, signal)),
    Cancel: unary("Cancel", log, async ({ jobId }, { signal }) =>
      toWire(await jobs.cancel(requireJobId(jobId), signal)),
    ),
    Download: serverStream("Download", log, (request, { signal }) => download(request, signal)),
    ListWorkers: unary("ListWorkers", log, async () => ({ workers: workers.all().map(workerToWire) })),
    DrainWorker: unary("DrainWorker", log, async ({ workerId }) => {
      const known = workers.all().find(({ id }) => id === workerId);
      fleet.drain(workerId, known !== undefined);
      const told = workers.all().find(({ id }) => id === workerId) ?? known;
      return told === undefined ? {} : workerToWire(told);
    }),
    ListModels: unary("ListModels", log, async () => ({
      models: models.all().map((facts) => {
        const ready = workers
          .all()
          .filter((worker) => !worker.isDraining && worker.models.includes(facts.name));
        return modelToWire(facts, ready.length);
      }),
    })),
  };
}
