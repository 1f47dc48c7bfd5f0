import type { Clock, Logger } from "@cogfleet/core";
import type { KubernetesObject, Watch } from "@kubernetes/client-node";
import { kubernetesError } from "./kubernetes.js";

/** Objects of one kind. */
export interface Followed<T extends KubernetesObject> {
  /** In the plural, for the log and the rights. */
  readonly kind: string;
  /** Of the API, such as /api/v1/nodes. */
  readonly path: string;
  readonly labelSelector?: string;
  list(): Promise<{
    readonly items: readonly T[];
    readonly metadata?: { readonly resourceVersion?: string };
  }>;
  /** All of them, by name, after something has changed. */
  onChange(objects: ReadonlyMap<string, T>): void;
}

export interface FollowDeps {
  readonly watch: Watch;
  readonly clock: Clock;
  readonly log: Logger;
}

const RETRY_MS = 2_000;
const FORBIDDEN_RETRY_MS = 30_000;
/** The server ends a watch after so long, and we list anew: a connection that died unnoticed is found out. */
const WATCH_SECONDS = 240;

/**
 * Keeps up with all objects of a kind until the signal aborts: lists them, then hears of changes. Goes on by itself
 * after every failure, which is logged once until it works again.
 */
export async function follow<T extends KubernetesObject>(
  followed: Followed<T>,
  { watch, clock, log }: FollowDeps,
  signal: AbortSignal,
): Promise<void> {
  const { kind } = followed;
  let hasWarned = false;
  while (!signal.aborted) {
    try {
      const { items, metadata } = await followed.list();
      const objects = new Map(items.map((object) => [object.metadata?.name ?? "", object]));
      followed.onChange(objects);
      if (hasWarned) log.info({ kind }, "objects of Kubernetes are followed again");
      hasWarned = false;
      await changes(followed, objects, metadata?.resourceVersion, watch, signal);
    } catch (reason) {
      if (signal.aborted) return;
      const error = kubernetesError(reason, `watch ${kind}`, `list and watch ${kind}`);
      if (!hasWarned) log.warn({ err: reason, kind, code: error.code }, error.message);
      hasWarned = true;
      const isForbidden = error.code === "unsupported";
      await clock.sleep(isForbidden ? FORBIDDEN_RETRY_MS : RETRY_MS, signal).catch(() => {});
    }
  }
}

/** Resolves when the server ends the watch; throws when it breaks. */
async function changes<T extends KubernetesObject>(
  { path, labelSelector, onChange }: Followed<T>,
  objects: Map<string, T>,
  resourceVersion: string | undefined,
  watch: Watch,
  signal: AbortSignal,
): Promise<void> {
  const query = { resourceVersion, labelSelector, timeoutSeconds: WATCH_SECONDS };
  const stop = new AbortController();
  await new Promise<void>((resolve, reject) => {
    const heard = (phase: string, object: T): void => {
      const name = object.metadata?.name ?? "";
      if (phase === "DELETED") objects.delete(name);
      else if (phase === "ADDED" || phase === "MODIFIED") objects.set(name, object);
      // Anything else is an error, mostly that our version is too old: list anew.
      else resolve();
      onChange(objects);
    };
    const ended = (reason: unknown): void => (reason === null || signal.aborted ? resolve() : reject(reason));
    signal.addEventListener("abort", () => resolve(), { signal: stop.signal });
    watch.watch(path, query, heard, ended).then((running) => {
      stop.signal.addEventListener("abort", () => running.abort(), { once: true });
      if (stop.signal.aborted || signal.aborted) running.abort();
    }, reject);
  }).finally(() => stop.abort());
}
