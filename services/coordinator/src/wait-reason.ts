import type { WorkerView } from "./fleet-board.js";
import type { Job } from "./job.js";
import { leastRanks } from "./planning.js";

/**
 * Why a queued job could not start though all these workers were idle, or what of them its tenant must give back first;
 * "": it can start, once it is its turn. Needs nothing but what every coordinator knows.
 * @param maxTenantRanks that the jobs of one tenant may run on at a time; 0: no limit
 */
export function waitReason(job: Job, workers: readonly WorkerView[], maxTenantRanks: number): string {
  if (job.state.kind !== "queued") return "";
  const { model, parallel, tenant } = job.request;
  const pinnedRanks = leastRanks(parallel);
  // What was begun goes on with the workers that are left, as the scheduler does it.
  const ranks = job.plan === undefined ? Math.min(pinnedRanks, job.nextRanks ?? pinnedRanks) : 1;
  const able = workers.filter((worker) => !worker.isDraining && worker.models.includes(model));
  const together = ranks === 1 ? able.length : mostOfOneKin(able);
  if (together >= ranks) {
    const held = workers.filter((worker) => worker.jobId !== "" && worker.tenant === tenant).length;
    if (maxTenantRanks === 0 || held + ranks <= maxTenantRanks) return "";
    return `waits for jobs of tenant "${tenant}" to end: it has ${held} of ${maxTenantRanks} workers at a time (max_tenant_ranks)`;
  }
  const wanted = ranks === 1 ? "a worker" : `${ranks} workers`;
  const count = able.length === 0 ? "none" : able.length;
  const limit = together < able.length ? `, of which at most ${together} can compute together` : "";
  return `waits for ${wanted} of ${model}: ${count} ${able.length > 1 ? "are" : "is"} connected${limit}`;
}

function mostOfOneKin(workers: readonly WorkerView[]): number {
  const sizes = new Map<string | WorkerView, number>();
  for (const worker of workers) {
    const kin = worker.kin ?? worker; // one that computes alone
    sizes.set(kin, (sizes.get(kin) ?? 0) + 1);
  }
  return Math.max(0, ...sizes.values());
}
