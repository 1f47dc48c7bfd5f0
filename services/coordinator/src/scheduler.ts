import type { QueuedJob } from "./queue.js";

export interface IdleWorker {
  readonly id: string;
  /** Names of the models it offers. */
  readonly models: readonly string[];
}

export interface Pairing {
  readonly jobId: string;
  readonly workerId: string;
}

/** What the scheduler reads of the queue. */
export interface WaitingJobs {
  inOrder(models: ReadonlySet<string>): Iterable<QueuedJob>;
}

/**
 * Which waiting jobs start now, and where. Jobs in their order; for each the worker that did not hold it last, then
 * the one that offers the fewest models (the others stay free for more), then the one given first. Pure.
 */
export function schedule(waiting: WaitingJobs, idle: readonly IdleWorker[]): Pairing[] {
  const free = [...idle].sort((a, b) => a.models.length - b.models.length); // stable
  const pairings: Pairing[] = [];
  const wanted = new Set(free.flatMap((worker) => worker.models));
  for (const job of waiting.inOrder(wanted)) {
    const able = free.filter((worker) => worker.models.includes(job.model));
    const worker = able.find(({ id }) => !job.lastWorkerIds.includes(id)) ?? able[0];
    if (worker === undefined) {
      wanted.delete(job.model);
      if (wanted.size === 0) break;
      continue;
    }
    free.splice(free.indexOf(worker), 1);
    pairings.push({ jobId: job.jobId, workerId: worker.id });
    if (free.length === 0) break;
  }
  return pairings;
}
