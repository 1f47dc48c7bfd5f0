import { ClusterError } from "@cogfleet/core";

/** 0: no limit, save for `maxQueued`. */
export interface AdmissionLimits {
  /** Jobs that may wait. */
  readonly maxQueued: number;
  /** Seconds that one worker would take for what waits. */
  readonly maxQueuedSeconds: number;
  /** Jobs of one tenant that may wait. */
  readonly maxTenantQueued: number;
  /** Workers that the jobs of one tenant may hold at a time: what pins more could never start. */
  readonly maxTenantRanks: number;
}

/** What waits, those included that are just being admitted. */
export interface QueueLoad {
  readonly queued: number;
  readonly queuedSeconds: number;
  readonly tenantQueued: number;
  /** Workers that are connected. */
  readonly workers: number;
}

/** A job that wants to wait. */
export interface Applicant {
  readonly jobId: string;
  readonly tenant: string;
  /** Seconds that one worker would take for it, estimated. */
  readonly workSeconds: number;
  /** That its pinned degrees take at least. */
  readonly minRanks: number;
}

const SOONEST_SECONDS = 1;
const LATEST_SECONDS = 300;

/** Why a job may not wait, `resource_exhausted` with the limit and when to try again; undefined: it may. */
export function refusalOf(
  applicant: Applicant,
  load: QueueLoad,
  limits: AdmissionLimits,
): ClusterError | undefined {
  const { tenant, workSeconds, minRanks } = applicant;
  const { maxQueued, maxQueuedSeconds, maxTenantQueued, maxTenantRanks } = limits;
  if (maxTenantRanks > 0 && minRanks > maxTenantRanks)
    return new ClusterError(
      "resource_exhausted",
      `the job takes ${minRanks} workers, and tenant "${tenant}" may have ${maxTenantRanks} at a time (max_tenant_ranks)`,
    );
  const seconds = Math.ceil(untilNextSeconds(load));
  const refusal = (limit: string): ClusterError =>
    new ClusterError("resource_exhausted", `${limit}: try again in about ${seconds} s`, {
      details: { retryAfterMs: 1000 * seconds },
    });
  if (load.queued >= maxQueued)
    return refusal(`${maxQueued} jobs are waiting, which is the limit (max_queued)`);
  if (maxTenantQueued > 0 && load.tenantQueued >= maxTenantQueued)
    return refusal(
      `${maxTenantQueued} jobs of tenant "${tenant}" are waiting, which is the limit (max_tenant_queued)`,
    );
  // One job alone is never too much: it could not be submitted at all.
  if (maxQueuedSeconds > 0 && load.queued > 0 && load.queuedSeconds + workSeconds > maxQueuedSeconds)
    return refusal(
      `the waiting jobs are ${Math.round(load.queuedSeconds)} s of work for one worker, this one is ` +
        `${Math.round(workSeconds)}, and the limit is ${maxQueuedSeconds} (max_queued_seconds)`,
    );
  return undefined;
}

/** About when the next job leaves the queue. */
function untilNextSeconds({ queued, queuedSeconds, workers }: QueueLoad): number {
  const ofOne = queuedSeconds / Math.max(1, queued) / Math.max(1, workers);
  return Math.min(LATEST_SECONDS, Math.max(SOONEST_SECONDS, ofOne));
}

/** What Admission reads of the queue. */
export interface WaitingLoad {
  has(jobId: string): boolean;
  loadFor(tenant: string): QueueLoad;
}

/** Lets jobs in as far as the limits go, however many come at once. */
export class Admission {
  readonly #queue: WaitingLoad;
  readonly #limits: AdmissionLimits;
  /** Those between their check and the queue, or a burst would pass the limits. */
  readonly #entering = new Set<Applicant>();

  constructor(queue: WaitingLoad, limits: AdmissionLimits) {
    this.#queue = queue;
    this.#limits = limits;
  }

  /** Throws `resource_exhausted`. What it returns must be called once the job waits, or does not. */
  enter(applicant: Applicant): () => void {
    const load = this.#queue.loadFor(applicant.tenant);
    let { queued, queuedSeconds, tenantQueued } = load;
    for (const { jobId, tenant, workSeconds } of this.#entering) {
      if (this.#queue.has(jobId)) continue;
      queued += 1;
      queuedSeconds += workSeconds;
      if (tenant === applicant.tenant) tenantQueued += 1;
    }
    const refusal = refusalOf(applicant, { ...load, queued, queuedSeconds, tenantQueued }, this.#limits);
    if (refusal !== undefined) throw refusal;
    this.#entering.add(applicant);
    return () => {
      this.#entering.delete(applicant);
    };
  }
}
