import { ClusterError } from "@cogfleet/core";
import type { GenerationClient } from "./generation.js";

/**
 * Several coordinators that answer alike, as one: a call goes to the one that answered last, and on to the next when
 * that cannot be reached. A stream that breaks is not taken up again here; whoever takes it up comes to the next one.
 * @param newKey a random idempotency key: without one, a submission that went on to the next might be stored twice
 */
export function anyOf(clients: readonly GenerationClient[], newKey: () => string): GenerationClient {
  let at = 0;
  const current = (): GenerationClient => clients[at % clients.length] as GenerationClient;

  async function ask<T>(call: (client: GenerationClient) => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let left = clients.length; ; ) {
      try {
        return await call(current());
      } catch (reason) {
        signal.throwIfAborted();
        left -= 1;
        if (!isGone(reason)) throw reason;
        at += 1;
        if (left === 0) throw reason;
      }
    }
  }

  async function* read<T>(stream: (client: GenerationClient) => AsyncIterable<T>): AsyncGenerator<T> {
    try {
      yield* stream(current());
    } catch (reason) {
      if (isBroken(reason)) at += 1;
      throw reason;
    }
  }

  return {
    submit: (submission, signal) => {
      const keyed = { ...submission, idempotencyKey: submission.idempotencyKey ?? newKey() };
      return ask((client) => client.submit(keyed, signal), signal);
    },
    get: (jobId, signal) => ask((client) => client.get(jobId, signal), signal),
    list: (filter, signal) => ask((client) => client.list(filter, signal), signal),
    watch: (jobId, afterSequence, signal) => read((client) => client.watch(jobId, afterSequence, signal)),
    cancel: (jobId, signal) => ask((client) => client.cancel(jobId, signal), signal),
    download: (jobId, from, signal) => read((client) => client.download(jobId, from, signal)),
    workers: (signal) => ask((client) => client.workers(signal), signal),
    drain: (workerId, signal) => ask((client) => client.drain(workerId, signal), signal),
    models: (signal) => ask((client) => client.models(signal), signal),
    close: () => {
      for (const client of clients) client.close();
    },
  };
}

/** Nobody answered, or one that is about to go. */
function isGone(reason: unknown): boolean {
  return reason instanceof ClusterError && (reason.code === "peer_lost" || reason.code === "unavailable");
}

/** A process that is killed ends its streams with whatever status its transport finds last. */
function isBroken(reason: unknown): boolean {
  return isGone(reason) || (reason instanceof ClusterError && reason.code === "cancelled");
}
