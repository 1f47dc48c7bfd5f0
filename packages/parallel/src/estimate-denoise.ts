// The time model of the denoise steps. P ranks of a half, R runs of own rows, G parts that an attention is cut into. A layer
// has three things to do beside each other, and takes the longest of them and what they wait for each other:
//
//   compute    rows + attention, on a CPU what it carries, and what nothing hides: a part's operands of the last run, a run's
//              result of the last part
//   wire       all operands, then the longer of all results and what lies before the next layer's first operands: the last
//              part's attention, the first run's results, the first run's rows
//   step  = layers x layer + swap of the halves + gathering
//
// Rows: products over own rows of the slowest rank, with what its cut moves between device and host. An exchange takes the
// busiest port's bytes / bandwidth, and a latency for each message to a peer: they go one after another.
import { bytesOnWire } from "./compression.js";
import { type ContextLayout, contextLayout } from "./context-layout.js";
import {
  hostBytes,
  layerFlops,
  operandTraffic,
  resultTraffic,
  swapBytes,
  type Traffic,
  totalBytes,
} from "./cost.js";
import type { JobShape } from "./job-shape.js";
import type { Plan } from "./plan.js";
import { type Fleet, type Link, type PlanWorker, wireTime } from "./plan-fleet.js";
import { type StageEstimate, stageEstimate } from "./stage-estimate.js";
import { cutType } from "./transformer-cuts.js";

/** The part of a plan that denoising depends on. */
export type DenoisePart = Pick<
  Plan,
  "cfg" | "context" | "rates" | "columns" | "parts" | "runs" | "activations"
>;

/** What a run of a session costs beside its arithmetic: two thread hops and the wrapping of tensors (docs/log.md). */
const RUN_SECONDS = 0.0001;

/**
 * What carrying a byte, and a message, takes at each end of the processor that computes: packing, checksum, copies, and
 * gRPC (docs/log.md). On a CPU no transfer hides under compute but for the time that the wire itself takes.
 */
const CARRY_SECONDS_PER_BYTE = 0.5e-9;
const CARRY_SECONDS_PER_MESSAGE = 0.25e-3;

/** All steps on `workers`, by rank. */
export function estimateDenoise(
  job: JobShape,
  plan: DenoisePart,
  workers: readonly PlanWorker[],
  fleet: Fleet,
): StageEstimate {
  const layout = denoiseLayout(job, plan);
  const half = (h: number) => workers.slice(h * plan.context, (h + 1) * plan.context);
  const halves = Array.from({ length: plan.cfg }, (_, h) => layerTimes(job, plan, layout, half(h), fleet));
  // The halves meet at each step: the slower one decides.
  const slowest = halves.reduce((a, b) => (b.seconds > a.seconds ? b : a));
  const swap = swapTimes(job, plan, layout, workers, fleet);
  const gather = gatherTimes(job, plan, layout, half(0), fleet);
  const { steps, layers } = job;
  const all = (layer: number, step: number): number => steps * (layers * layer + step);
  return stageEstimate({
    stage: "denoise",
    seconds: all(
      slowest.seconds,
      swap.seconds + swap.latencySeconds + gather.seconds + gather.latencySeconds,
    ),
    computeSeconds: all(slowest.computeSeconds, 0),
    wireSeconds: all(slowest.wireSeconds, swap.seconds + gather.seconds),
    latencySeconds: all(slowest.latencySeconds, swap.latencySeconds + gather.latencySeconds),
    hostSeconds: all(slowest.hostSeconds, 0),
    bytes: all(plan.cfg * slowest.bytes, swap.bytes + gather.bytes),
  });
}

/** Who holds what in a plan for this job. */
export function denoiseLayout(job: JobShape, plan: DenoisePart): ContextLayout {
  return contextLayout(plan, job);
}

/** One layer of one half. */
export function layerTimes(
  job: JobShape,
  plan: Pick<Plan, "cfg" | "context" | "activations">,
  layout: ContextLayout,
  workers: readonly PlanWorker[],
  { link, hostBytesPerSecond }: Fleet,
): Omit<StageEstimate, "stage" | "limit"> {
  const batch = job.branches / plan.cfg;
  const flops = layerFlops(job, layout);
  const elementBytes = cutElementBytes(job);
  const isCut = plan.context > 1;
  const headDim = job.innerDim / job.heads;
  const wireBytes = plan.activations === undefined ? elementBytes : bytesOnWire(plan.activations, 1, headDim);
  const operandBytes = operandTraffic(job, layout, batch * wireBytes);
  const resultBytes = resultTraffic(job, layout, batch * wireBytes);
  const { parts, runs } = layout;
  const [G, R] = [parts.length, runs.length];
  const messages = isCut ? G * R : 0;
  const peers = workers.length - 1;
  const carried = (rank: number): number =>
    CARRY_SECONDS_PER_BYTE * (throughRank(operandBytes, rank) + throughRank(resultBytes, rank)) +
    CARRY_SECONDS_PER_MESSAGE * 4 * messages * peers;
  const ranks = workers.map((worker, rank) => {
    const { rows, attention } = flops[rank] as (typeof flops)[number];
    const host = hostBytes(job, layout, rank, elementBytes);
    const hostSeconds = (bytes: number): number =>
      isCut && worker.device === "cuda" ? (batch * bytes) / hostBytesPerSecond : 0;
    return {
      rows: (batch * rows) / worker.rate,
      attention: (batch * attention) / worker.rate,
      rowsHost: hostSeconds(host.rows),
      attentionHost: hostSeconds(host.attention),
      carry: isCut && worker.device === "cpu" ? carried(rank) : 0,
    };
  });
  const worst = (time: (rank: (typeof ranks)[number]) => number): number => Math.max(...ranks.map(time));
  const ids = workers.map(({ id }) => id);
  const operands = wireTime(operandBytes, ids, link);
  const results = wireTime(resultBytes, ids, link);
  const wireIn = operands.seconds + messages * operands.latencySeconds;
  const wireOut = results.seconds + messages * results.latencySeconds;
  const sessionRuns = isCut ? (R + G) * RUN_SECONDS : 0;
  const rows = worst((rank) => rank.rows + rank.rowsHost);
  const attention = worst((rank) => rank.attention + rank.attentionHost);
  const untilFirstResults = Math.max(attention / G + wireOut / G / R, wireOut / R);
  const carry = worst((rank) => rank.carry);
  const exposed = isCut ? Math.max(0, wireIn + wireOut - carry) / G / R : 0;
  const computing = rows + attention + carry + exposed;
  const carrying = isCut ? wireIn + Math.max(wireOut, untilFirstResults + rows / R) : 0;
  return {
    seconds: sessionRuns + Math.max(computing, carrying),
    computeSeconds: worst((rank) => rank.rows + rank.attention + rank.carry) + sessionRuns,
    wireSeconds: operands.seconds + results.seconds,
    latencySeconds: messages * (operands.latencySeconds + results.latencySeconds),
    hostSeconds: worst((rank) => rank.rowsHost + rank.attentionHost),
    bytes: totalBytes(operandBytes) + totalBytes(resultBytes),
  };
}

/** Bytes that a rank sends, and those that it receives. */
function throughRank(bytes: Traffic, rank: number): number {
  return bytes.reduce(
    (sum, row, from) => sum + (row[rank] as number) + (from === rank ? totalBytes([row]) : 0),
    0,
  );
}

/** Bytes of an element that crosses a cut. */
export function cutElementBytes({ precision }: Pick<JobShape, "precision">): 2 | 4 {
  return cutType(precision) === "float16" ? 2 : 4;
}

interface SmallTransfer {
  readonly seconds: number;
  readonly latencySeconds: number;
  readonly bytes: number;
}

/** The predictions of both halves, once a step. */
function swapTimes(
  job: JobShape,
  { cfg, context }: DenoisePart,
  layout: ContextLayout,
  workers: readonly PlanWorker[],
  { link }: Fleet,
): SmallTransfer {
  if (cfg === 1) return { seconds: 0, latencySeconds: 0, bytes: 0 };
  const pairs = layout.rows.map((_, i): SmallTransfer & Link => {
    const [a, b] = [workers[i], workers[context + i]] as [PlanWorker, PlanWorker];
    const bytes = swapBytes(job, layout, i);
    const between = link(a.id, b.id);
    return { ...between, bytes: 2 * bytes, seconds: bytes / between.bytesPerSecond };
  });
  return {
    seconds: Math.max(...pairs.map((pair) => pair.seconds)),
    latencySeconds: Math.max(...pairs.map((pair) => pair.latencySeconds)),
    bytes: pairs.reduce((sum, pair) => sum + pair.bytes, 0),
  };
}

/** The latents at rank 0, once a step: what a job goes on from when a rank is lost. */
function gatherTimes(
  job: JobShape,
  { context }: DenoisePart,
  layout: ContextLayout,
  half: readonly PlanWorker[],
  { link }: Fleet,
): SmallTransfer {
  if (context === 1) return { seconds: 0, latencySeconds: 0, bytes: 0 };
  const tensors = job.args.scheduler === "dpm" ? 2 : 1; // with the solver's last prediction
  const bytes = half.map((_, from) =>
    half.map((_, to) => (from === 0 || to !== 0 ? 0 : tensors * swapBytes(job, layout, from))),
  );
  return {
    ...wireTime(
      bytes,
      half.map(({ id }) => id),
      link,
    ),
    bytes: totalBytes(bytes),
  };
}
