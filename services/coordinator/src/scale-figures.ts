import { ClusterError } from "@cogfleet/core";
import type { BacklogFigures } from "./backlog.js";

/** What an autoscaler asks for: how fast the backlog of which model is to be worked off. */
export interface ScaleTarget {
  /** Undefined: of all models. */
  readonly model: string | undefined;
  /** Within this time what waits and runs now is to be done. */
  readonly targetDrainSeconds: number;
  /** A job that waits longer calls for more workers, whatever the estimates say; undefined: never. */
  readonly maxQueueAgeSeconds: number | undefined;
  /** Workers of one replica: 1, or the size of a LeaderWorkerSet's groups. */
  readonly workersPerGroup: number;
}

/** What an autoscaler is told, and why. */
export interface ScaleFigures {
  readonly isActive: boolean;
  readonly backlogWorkSeconds: number;
  readonly oldestQueuedAgeSeconds: number;
  /** Replicas by the backlog: ceil(backlog / target drain seconds). */
  readonly byBacklog: number;
  /** Replicas by the age of the oldest waiting job; 0 when it is young. */
  readonly byAge: number;
  /** Replicas that a job with pinned degrees takes to start at all. */
  readonly byDegrees: number;
  /** 1 while no worker has ever offered the model: jobs cannot be admitted before one has. */
  readonly byFirstWorker: number;
  /** The largest of them. */
  readonly wanted: number;
}

const DEFAULT_DRAIN_SECONDS = 300;
/** Growth by age, a time: what is started counts only once it computes, and starting takes minutes. */
const MOST_GROWTH = 2;

/** KEDA sends its own settings of the trigger along. */
const OF_KEDA = new Set([
  "scalerAddress",
  "enableTLS",
  "unsafeSsl",
  "caCert",
  "tlsClientCert",
  "tlsClientKey",
]);

/** The metadata of a trigger. Throws `invalid_request` that names every key that is wrong. */
export function parseScaleTarget(metadata: Readonly<Record<string, string>>): ScaleTarget {
  const problems: string[] = [];
  const number = (key: string, isInteger: boolean): number | undefined => {
    const text = metadata[key];
    if (text === undefined) return undefined;
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (Number.isFinite(value) && value > 0 && (!isInteger || Number.isInteger(value))) return value;
    problems.push(`${key} must be ${isInteger ? "an integer" : "a number"} above 0, got "${text}"`);
    return undefined;
  };
  const known = ["model", "targetDrainSeconds", "maxQueueAgeSeconds", "workersPerGroup"];
  for (const key of Object.keys(metadata))
    if (!known.includes(key) && !OF_KEDA.has(key) && !key.endsWith("FromEnv"))
      problems.push(`${key} is not known: there are ${known.join(", ")}`);
  const { model } = metadata;
  if (model === "") problems.push("model must not be empty: leave it out for all models");
  const target = {
    model,
    targetDrainSeconds: number("targetDrainSeconds", false) ?? DEFAULT_DRAIN_SECONDS,
    maxQueueAgeSeconds: number("maxQueueAgeSeconds", false),
    workersPerGroup: number("workersPerGroup", true) ?? 1,
  };
  if (problems.length > 0) throw new ClusterError("invalid_request", problems.join("; "));
  return target;
}

/**
 * How many replicas are wanted. Pure, and from stored figures only, so that every coordinator says the same.
 * @param isKnown whether a worker has ever offered the model, or any model when the target names none
 * @param now wall time, milliseconds
 */
export function scaleFigures(
  target: ScaleTarget,
  backlog: BacklogFigures,
  isKnown: boolean,
  now: number,
): ScaleFigures {
  const { maxQueueAgeSeconds = Number.POSITIVE_INFINITY, workersPerGroup } = target;
  const { workSeconds, oldestQueuedAt, queuedJobs, runningJobs, busyWorkers, minRanks } = backlog;
  const ageSeconds = oldestQueuedAt === undefined ? 0 : Math.max(0, (now - oldestQueuedAt) / 1000);
  const groups = (workers: number): number => Math.ceil(workers / workersPerGroup);
  const tooOld = ageSeconds / maxQueueAgeSeconds;
  const byBacklog = Math.ceil(workSeconds / drainTarget(target));
  const byAge = tooOld <= 1 ? 0 : Math.max(1, groups(busyWorkers * Math.min(MOST_GROWTH, tooOld)));
  const byDegrees = groups(minRanks);
  const byFirstWorker = isKnown ? 0 : 1;
  return {
    isActive: queuedJobs + runningJobs > 0 || !isKnown,
    backlogWorkSeconds: workSeconds,
    oldestQueuedAgeSeconds: ageSeconds,
    byBacklog,
    byAge,
    byDegrees,
    byFirstWorker,
    wanted: Math.max(byBacklog, byAge, byDegrees, byFirstWorker),
  };
}

/** Work-seconds that one replica is to answer for. */
export function drainTarget({ targetDrainSeconds, workersPerGroup }: ScaleTarget): number {
  return targetDrainSeconds * workersPerGroup;
}
