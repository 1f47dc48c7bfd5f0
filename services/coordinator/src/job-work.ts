import type { ModelConfigs } from "@cogfleet/model";
import { makePlan } from "@cogfleet/parallel";
import { type Job, type JobRequest, STAGES } from "./job.js";

/** What a job computes, in floating-point operations. Divided by a rate, the seconds of one worker. */
export interface JobWork {
  readonly encode: number;
  readonly denoise: number;
  readonly decode: number;
}

/**
 * The planner's estimate of a job on one worker of rate 1, which is its operations: independent of which workers there
 * are. Undefined for a job that cannot be computed at all; its workers will say why.
 */
export function jobWork(configs: ModelConfigs, request: JobRequest): JobWork | undefined {
  // Memory is no matter here: what does not fit one worker is shared by several, and is as much work.
  const worker = { id: "", rate: 1, memoryBytes: Number.POSITIVE_INFINITY, device: "cpu" } as const;
  const link = () => ({ bytesPerSecond: Number.POSITIVE_INFINITY, latencySeconds: 0 });
  const fleet = { workers: [worker], link, hostBytesPerSecond: Number.POSITIVE_INFINITY };
  const pinned = { cfg: 1, context: 1 } as const;
  try {
    const result = makePlan({ configs, args: request, precision: "fp32", fleet, pinned });
    if (result.kind === "refused") return undefined;
    const { stages } = result.explanation;
    const of = (name: string) => stages.find(({ stage }) => stage === name)?.seconds ?? 0;
    return { encode: of("encode"), denoise: of("denoise"), decode: of("decode") };
  } catch {
    // Whatever is wrong with the job shows when it is planned: counting it must not be what fails.
    return undefined;
  }
}

/** All of it. */
export function totalWork({ encode, denoise, decode }: JobWork): number {
  return encode + denoise + decode;
}

/** What is still to be done: of denoising, steps left / steps. A job that waits goes on from its checkpoint. */
export function workLeft(
  { encode, denoise, decode }: JobWork,
  { progress: { stage, step }, request }: Pick<Job, "progress" | "request">,
): number {
  if (stage === "decode") return decode;
  const left = (request.numInferenceSteps - step) / request.numInferenceSteps;
  const isEncoded = stage !== undefined && STAGES.indexOf(stage) > STAGES.indexOf("encode");
  return (isEncoded ? 0 : encode) + denoise * left + decode;
}
