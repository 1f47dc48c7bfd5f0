import { type Clock, ClusterError, type Logger, orAbort, type Random } from "@cogfleet/core";
import type { SharedStores, Stores } from "../stores.js";
import { Bucket } from "./bucket.js";
import { BucketFeed } from "./bucket-feed.js";
import { NatsBlobStore } from "./nats-blob-store.js";
import { NatsFleetBoard } from "./nats-fleet-board.js";
import { NatsJobStore } from "./nats-job-store.js";
import { NatsLeaseRegister } from "./nats-lease-register.js";
import { NatsLink, type NatsSettings } from "./nats-link.js";
import { NatsModelStore } from "./nats-model-store.js";

export interface NatsStoresConfig extends NatsSettings {
  /** How many servers hold a copy of everything. */
  readonly natsReplicas: string;
  /** What the names of our buckets begin with: coordinators that share it are one service. */
  readonly natsPrefix: string;
}

export interface NatsStoresDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly onDamage: () => void;
}

export interface NatsStores extends Stores {
  readonly shared: SharedStores;
  readonly failed: AbortSignal;
}

// A cluster that was just started elects its leaders first.
const OPEN_MS = 15_000;
const READ_ALL_MS = 120_000;
const UPLOAD_GRACE_MS = 10 * 60_000;

/**
 * Everything in NATS JetStream, which several coordinators share. Resolves once the index holds all jobs. Throws
 * `unavailable` when the servers do not answer, `invalid_config` or `unsupported` when they never will.
 */
export async function openNatsStores(config: NatsStoresConfig, deps: NatsStoresDeps): Promise<NatsStores> {
  const { clock, random, log, onDamage } = deps;
  const link = await NatsLink.open(config, { clock, log });
  const over = new AbortController();
  const { signal } = over;
  let running: Promise<void> = Promise.resolve();
  const close = async (): Promise<void> => {
    over.abort(new ClusterError("unavailable", "the stores are closed"));
    await running;
    await link.close();
  };
  try {
    const { natsPrefix: prefix, natsReplicas } = config;
    const replicas = Number(natsReplicas);
    const bucket = await Bucket.open(link, `${prefix}_jobs`, replicas, OPEN_MS, signal);
    const leaders = await Bucket.open(link, `${prefix}_leader`, replicas, OPEN_MS, signal);
    const blobConfig = { replicas, patienceMs: OPEN_MS, graceMs: UPLOAD_GRACE_MS };
    const blobs = await NatsBlobStore.open(link, `${prefix}_blobs`, blobConfig, signal);
    const feed = new BucketFeed(bucket, link, random.id());
    const jobs = new NatsJobStore({ bucket, feed, link, onDamage });
    const models = new NatsModelStore(bucket, feed);
    const board = new NatsFleetBoard(bucket, feed);
    running = feed.run(signal);
    await orAbort(feed.caughtUp(signal), AbortSignal.timeout(READ_ALL_MS));
    const shared = { lease: new NatsLeaseRegister(leaders), board };
    return { jobs, models, blobs, shared, failed: feed.failed, close };
  } catch (reason) {
    await close();
    throw reason;
  }
}
