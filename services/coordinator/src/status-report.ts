import type { Clock } from "@cogfleet/core";
import type { Backlog } from "./backlog.js";
import type { WorkerView } from "./fleet-board.js";
import type { FleetView } from "./fleet-view.js";
import type { Job, JobState } from "./job.js";
import type { Jobs } from "./jobs.js";
import type { Leadership } from "./leadership.js";
import { VERSION } from "./version.js";

export interface StatusDeps {
  readonly jobs: Pick<Jobs, "list" | "queuePosition">;
  readonly workers: Pick<FleetView, "all" | "waitReason">;
  readonly backlog: Pick<Backlog, "models" | "figures">;
  readonly leadership: Pick<Leadership, "term">;
  readonly clock: Clock;
}

/** How many jobs of each kind are listed; the numbers beside them count all. */
const LISTED = { running: 50, queued: 20, ended: 20 } as const;
const ENDED = ["completed", "failed", "cancelled"] as const;

/**
 * What the status page shows, once: jobs, groups, workers and the backlog. No prompts and no seeds: whoever reaches the
 * HTTP port has shown no certificate. Not an interface for programs, which have Get, List and the metrics.
 */
export async function statusReport(deps: StatusDeps, signal: AbortSignal): Promise<object> {
  const { backlog, leadership, workers, clock } = deps;
  const list = (states: readonly JobState["kind"][], limit: number): Promise<readonly Job[]> =>
    deps.jobs
      .list({ states, labels: {}, before: undefined, limit }, signal)
      .then((stored) => stored.map(({ job }) => job));
  const [running, queued, ended] = await Promise.all([
    list(["running"], LISTED.running),
    list(["queued"], LISTED.queued),
    list(ENDED, LISTED.ended),
  ]);
  const now = clock.wallTime();
  const all = backlog.figures(undefined);
  const fleet = workers.all();
  return {
    version: VERSION,
    at: now,
    role: leadership.term === undefined ? "follower" : "leader",
    jobs: {
      running: all.runningJobs,
      queued: all.queuedJobs,
      oldestQueuedSeconds: secondsSince(all.oldestQueuedAt, now),
      list: [...running, ...queued, ...ended].map((job) =>
        jobLine(job, deps.jobs.queuePosition(job.id), workers.waitReason(job, fleet), now),
      ),
    },
    workers: fleet.map((worker) => workerLine(worker, now)),
    backlog: backlog.models().map((model) => {
      const { workSeconds, queuedJobs, runningJobs } = backlog.figures(model);
      return { model, workSeconds, queuedJobs, runningJobs };
    }),
  };
}

function jobLine(job: Job, queuePosition: number, waits: string, now: number): object {
  const { request, state, progress, plan } = job;
  const { height, width, numFrames, numInferenceSteps, model, tenant, priority } = request;
  return {
    id: job.id,
    state: state.kind === "running" && state.isCancelAsked ? "cancelling" : state.kind,
    model,
    size: `${width}x${height}x${numFrames}`,
    tenant,
    priority,
    stage: state.kind === "running" ? (progress.stage ?? "starting") : undefined,
    step: progress.step,
    steps: numInferenceSteps,
    queuePosition: state.kind === "queued" ? queuePosition : undefined,
    waitReason: waits || undefined,
    attempts: job.attempts,
    workerIds: job.workerIds,
    degrees: plan === undefined ? undefined : { cfg: plan.cfg, context: plan.context },
    waitSeconds: secondsSince(job.createdAt, job.startedAt ?? job.finishedAt ?? now),
    runSeconds: secondsSince(job.startedAt, job.finishedAt ?? now),
    error: state.kind === "failed" ? state.error : undefined,
  };
}

function workerLine(
  { connectedAt, pid, kin, jobId, isDraining, ...worker }: WorkerView,
  now: number,
): object {
  const state = isDraining ? "draining" : jobId === "" ? "idle" : "busy";
  return { ...worker, state, jobId: jobId || undefined, connectedSeconds: secondsSince(connectedAt, now) };
}

function secondsSince(from: number | undefined, to: number): number | undefined {
  return from === undefined ? undefined : Math.max(0, (to - from) / 1000);
}
