import { type Clock, type Logger, neverAborts } from "@cogfleet/core";
import { PatchStrategy, setHeaderOptions, type V1Node, type V1Pod } from "@kubernetes/client-node";
import type { Attempts } from "../attempts.js";
import { deletionCost } from "../deletion-cost.js";
import type { JobStore } from "../job-store.js";
import type { Connection, WorkerRegistry } from "../workers.js";
import { follow } from "./follow.js";
import { type Kubernetes, kubernetesError } from "./kubernetes.js";
import { noticeFor } from "./pod-notices.js";

export interface PodWardenDeps {
  readonly kubernetes: Kubernetes;
  readonly workers: WorkerRegistry;
  readonly attempts: Pick<Attempts, "holdBack" | "letIn">;
  readonly store: Pick<JobStore, "get">;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface PodWardenConfig {
  /** Label selector of the workers' pods. */
  readonly workerSelector: string;
}

const DELETION_COST = "controller.kubernetes.io/pod-deletion-cost";
const TICK_MS = 3_000;

/**
 * Keeps Kubernetes and the fleet informed of each other: writes on each worker's pod what its loss would cost, and
 * moves jobs off workers whose pod or node is about to go. Does so for the workers that are connected to this process:
 * of several coordinators, the leader's.
 */
export class PodWarden {
  readonly #deps: PodWardenDeps;
  readonly #config: PodWardenConfig;
  readonly #heldBack = new Set<Connection>();
  #pods: ReadonlyMap<string, V1Pod> = new Map();
  #nodes: ReadonlyMap<string, V1Node> = new Map();
  #hasWarned = false;

  constructor(deps: PodWardenDeps, config: PodWardenConfig) {
    this.#deps = deps;
    this.#config = config;
  }

  /** Until the signal aborts. What Kubernetes refuses or does not answer is logged, and tried again. */
  async watch(signal: AbortSignal): Promise<void> {
    const { kubernetes, clock, log } = this.#deps;
    const { core, namespace, watch } = kubernetes;
    const { workerSelector: labelSelector } = this.#config;
    const deps = { watch, clock, log };
    const pods = {
      kind: `pods in namespace ${namespace}`,
      path: `/api/v1/namespaces/${namespace}/pods`,
      labelSelector,
      list: () => core.listNamespacedPod({ namespace, labelSelector }),
      onChange: (found: ReadonlyMap<string, V1Pod>) => {
        this.#pods = found;
        this.#look();
      },
    };
    const nodes = {
      kind: "nodes",
      path: "/api/v1/nodes",
      list: () => core.listNode(),
      onChange: (found: ReadonlyMap<string, V1Node>) => {
        this.#nodes = found;
        this.#look();
      },
    };
    await Promise.all([follow(pods, deps, signal), follow(nodes, deps, signal), this.#tick(signal)]);
  }

  async #tick(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    while (!signal.aborted) {
      await clock.sleep(TICK_MS, signal).catch(() => {});
      if (signal.aborted) return;
      this.#look(); // workers may have come since
      try {
        await this.#writeCosts();
        this.#hasWarned = false;
      } catch (reason) {
        const error = kubernetesError(reason, "mark pods with their deletion cost", "patch pods");
        if (!this.#hasWarned) log.warn({ err: reason, code: error.code }, error.message);
        this.#hasWarned = true;
      }
    }
  }

  /** Compares workers with what is announced of their pods and nodes. */
  #look(): void {
    const { workers, attempts, log } = this.#deps;
    const connected = workers.all();
    for (const connection of this.#heldBack)
      if (!connected.includes(connection)) this.#heldBack.delete(connection);
    for (const connection of connected) {
      const pod = this.#podOf(connection);
      const taints = this.#nodes.get(pod?.spec?.nodeName ?? "")?.spec?.taints ?? [];
      const notice = pod && noticeFor(pod, taints);
      const workerId = connection.worker.id;
      if (notice !== undefined && !this.#heldBack.has(connection)) {
        this.#heldBack.add(connection);
        log.info({ workerId, notice }, "worker held back");
        attempts.holdBack(connection, notice);
      } else if (notice === undefined && this.#heldBack.delete(connection)) {
        log.info({ workerId }, "worker let in again");
        attempts.letIn(connection);
      }
    }
  }

  async #writeCosts(): Promise<void> {
    const { kubernetes, workers } = this.#deps;
    const { core, namespace } = kubernetes;
    for (const connection of workers.all()) {
      const pod = this.#podOf(connection);
      const name = pod?.metadata?.name;
      if (name === undefined) continue;
      const cost = String(await this.#costOf(connection));
      if (pod?.metadata?.annotations?.[DELETION_COST] === cost) continue;
      const body = { metadata: { annotations: { [DELETION_COST]: cost } } };
      await core.patchNamespacedPod(
        { name, namespace, body },
        setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
      );
    }
  }

  async #costOf({ isDraining, assignment }: Connection): Promise<number> {
    const stored = assignment && (await this.#deps.store.get(assignment.jobId, neverAborts));
    if (stored === undefined) return deletionCost({ isDraining, job: undefined });
    const { progress, request } = stored.job;
    return deletionCost({ isDraining, job: { ...progress, steps: request.numInferenceSteps } });
  }

  /** A pod's host name is its name. Where it is not, the worker's id is. */
  #podOf({ worker }: Connection): V1Pod | undefined {
    return this.#pods.get(worker.hostname) ?? this.#pods.get(worker.id);
  }
}
