import { ClusterError } from "@cogfleet/core";
import {
  type ModelConfigs,
  type ModelFacts,
  parseT5Config,
  parseTransformerConfig,
  parseVaeConfig,
} from "@cogfleet/model";
import { PROTOCOL_VERSION } from "@cogfleet/proto";
import type { Artifact__Output } from "@cogfleet/proto/gen/cogfleet/v1/Artifact";
import type { Checkpoint__Output } from "@cogfleet/proto/gen/cogfleet/v1/Checkpoint";
import type { Hello__Output } from "@cogfleet/proto/gen/cogfleet/v1/Hello";
import type { Model__Output } from "@cogfleet/proto/gen/cogfleet/v1/Model";
import type { ModelConfigs__Output } from "@cogfleet/proto/gen/cogfleet/v1/ModelConfigs";
import type { WorkerMessage__Output } from "@cogfleet/proto/gen/cogfleet/v1/WorkerMessage";
import type { WorkerReport } from "../fleet.js";
import { type Artifact, type Checkpoint, STAGES } from "../job.js";
import type { Assignment, WorkerFacts } from "../workers.js";
import { artifactKindFromWire, integerFromWire } from "./job-from-wire.js";
import { WIRE_STAGE } from "./job-to-wire.js";

const VARIANTS = ["1.0", "1.5", "i2v-1.0", "i2v-1.5"] as const;
const FORMS = ["whole", "segments"] as const;
const SCHEDULERS = ["ddim", "dpm"] as const;
const NAME = /^[^\p{Cc}]{1,200}$/u;
const SHA256 = /^[0-9a-f]{64}$/;

/** Throws `incompatible_version` that names both versions. */
export function requireProtocol(version: number, who: string): void {
  if (version === PROTOCOL_VERSION) return;
  throw new ClusterError(
    "incompatible_version",
    `${who} speaks protocol version ${version}, this coordinator speaks ${PROTOCOL_VERSION}: run the same release`,
  );
}

/** Throws `incompatible_version`, or `invalid_request` that names every field that is wrong. */
export function helloFromWire(wire: Hello__Output): WorkerFacts {
  requireProtocol(wire.protocolVersion, `worker "${wire.workerId}"`);
  const problems: string[] = [];
  if (!NAME.test(wire.workerId))
    problems.push(`worker_id "${wire.workerId}" must be a name of 1 to 200 characters`);
  if (wire.models.length === 0)
    problems.push("models must not be empty: a worker without a model has nothing to do");
  const models = wire.models.map((model) => modelFromWire(model, problems));
  const configs = new Map<string, ModelConfigs>();
  for (const [name, texts] of Object.entries(wire.configs)) {
    try {
      configs.set(name, configsFromWire(name, texts));
    } catch (reason) {
      problems.push(ClusterError.from(reason).message);
    }
  }
  if (problems.length > 0) throw new ClusterError("invalid_request", problems.join("; "));
  return {
    id: wire.workerId,
    device: wire.device,
    precision: wire.precision,
    threads: wire.threads,
    models,
    hostname: wire.hostname,
    pid: wire.pid,
    version: wire.version,
    exchangeAddress: wire.exchangeAddress,
    configs,
    flopsPerSecond: wire.flopsPerSecond,
    memoryBytes: integerFromWire(wire.memoryBytes),
    transformerForm: FORMS.find((form) => form === wire.transformerForm),
  };
}

function configsFromWire(name: string, wire: ModelConfigs__Output): ModelConfigs {
  const read = <T>(field: keyof ModelConfigs__Output, parse: (source: string, json: unknown) => T): T => {
    const source = `configs["${name}"].${field}`;
    let json: unknown;
    try {
      json = JSON.parse(wire[field]);
    } catch (cause) {
      throw new ClusterError("invalid_request", `${source} must be JSON`, { cause });
    }
    return parse(source, json);
  };
  return {
    transformer: read("transformerJson", parseTransformerConfig),
    vae: read("vaeJson", parseVaeConfig),
    textEncoder: read("textEncoderJson", parseT5Config),
  };
}

function modelFromWire(wire: Model__Output, problems: string[]): ModelFacts {
  const variant = VARIANTS.find((one) => one === wire.variant);
  const scheduler = SCHEDULERS.find((one) => one === wire.defaultScheduler);
  const problem = (field: string, value: unknown, rule: string): void => {
    problems.push(`models["${wire.name}"].${field} ${JSON.stringify(value)} must be ${rule}`);
  };
  if (!NAME.test(wire.name)) problem("name", wire.name, "a name of 1 to 200 characters");
  if (!SHA256.test(wire.digest)) problem("digest", wire.digest, "a sha256 in lower-case hex");
  if (variant === undefined) problem("variant", wire.variant, `one of ${VARIANTS.join(", ")}`);
  if (scheduler === undefined) problem("default_scheduler", wire.defaultScheduler, "ddim or dpm");
  if (wire.limits === null) problem("limits", null, "given");
  const sizes = {
    minHeight: wire.limits?.minHeight ?? 0,
    maxHeight: wire.limits?.maxHeight ?? 0,
    minWidth: wire.limits?.minWidth ?? 0,
    maxWidth: wire.limits?.maxWidth ?? 0,
    maxNumFrames: wire.limits?.maxNumFrames ?? 0,
    defaultHeight: wire.defaultHeight,
    defaultWidth: wire.defaultWidth,
    defaultNumFrames: wire.defaultNumFrames,
    defaultFps: wire.defaultFps,
    maxTextSeqLength: wire.maxTextSeqLength,
  };
  for (const [field, value] of Object.entries(sizes)) if (value < 1) problem(field, value, "at least 1");
  return {
    name: wire.name,
    digest: wire.digest,
    variant: variant ?? "1.0",
    defaultScheduler: scheduler ?? "ddim",
    fixedSequenceLength: wire.fixedSequenceLength,
    ...sizes,
  };
}

/** Throws `invalid_request` for a message that is none of ours. */
export function reportFromWire(wire: WorkerMessage__Output): WorkerReport {
  if (wire.heartbeat) {
    const { stepComputeSeconds, runSeconds } = wire.heartbeat;
    return { kind: "heartbeat", stepComputeSeconds, runSeconds };
  }
  if (wire.draining) return { kind: "draining" };
  if (wire.stageStarted) {
    const { stage: wireStage, warnings } = wire.stageStarted;
    const stage = STAGES.find((one) => WIRE_STAGE[one] === wireStage);
    if (stage === undefined) throw new ClusterError("invalid_request", `stage ${wireStage} is not a stage`);
    return { kind: "stage_started", ...assignmentFromWire(wire.stageStarted), stage, warnings };
  }
  if (wire.stepDone) {
    const { step, seconds, checkpoint: stored } = wire.stepDone;
    const checkpoint = stored === null ? undefined : checkpointFromWire(stored);
    if (checkpoint !== undefined && checkpoint.step !== step)
      throw new ClusterError("invalid_request", `step ${step} names a checkpoint of step ${checkpoint.step}`);
    return { kind: "step_done", ...assignmentFromWire(wire.stepDone), step, seconds, checkpoint };
  }
  if (wire.assignmentDone) {
    const { artifacts, encodeSeconds, denoiseSeconds, decodeSeconds } = wire.assignmentDone;
    return {
      kind: "done",
      ...assignmentFromWire(wire.assignmentDone),
      artifacts: artifacts.map(artifactFromWire),
      encodeSeconds,
      denoiseSeconds,
      decodeSeconds,
    };
  }
  if (wire.assignmentFailed) {
    const { error, retryable, lostRank } = wire.assignmentFailed;
    return {
      kind: "failed",
      ...assignmentFromWire(wire.assignmentFailed),
      error: { code: error?.code || "internal", message: error?.message || "the worker gave no reason" },
      isRetryable: retryable,
      lostRank,
    };
  }
  if (wire.linkMeasured) {
    const { peerId, bytesPerSecond, latencySeconds } = wire.linkMeasured;
    if (!(bytesPerSecond > 0 && Number.isFinite(bytesPerSecond) && latencySeconds >= 0))
      throw new ClusterError(
        "invalid_request",
        `link_measured must be a positive bytes_per_second and a latency_seconds from 0, got ${bytesPerSecond} and ${latencySeconds}`,
      );
    return { kind: "link_measured", peerId, bytesPerSecond, latencySeconds };
  }
  throw new ClusterError(
    "invalid_request",
    `a worker's message must be a report, got "${wire.message ?? "nothing"}"`,
  );
}

export function assignmentFromWire(wire: { readonly jobId: string; readonly epoch: string }): Assignment {
  return { jobId: wire.jobId, epoch: integerFromWire(wire.epoch) };
}

/** Throws `invalid_request` when a field is not what it should be. */
export function checkpointFromWire(wire: Checkpoint__Output): Omit<Checkpoint, "epoch"> {
  const { step, sha256 } = wire;
  const bytes = integerFromWire(wire.bytes);
  if (step < 1 || !Number.isFinite(bytes) || !SHA256.test(sha256))
    throw new ClusterError(
      "invalid_request",
      `a checkpoint must have a step from 1 on, bytes and a sha256, got ${step}, ${wire.bytes} and "${sha256}"`,
    );
  return { step, bytes, sha256 };
}

/** Throws `invalid_request` when a field is not what it should be. */
export function artifactFromWire(wire: Artifact__Output): Artifact {
  const kind = artifactKindFromWire(wire.kind);
  const bytes = integerFromWire(wire.bytes);
  const problems: string[] = [];
  if (!SHA256.test(wire.sha256)) problems.push(`sha256 "${wire.sha256}" must be 64 digits in lower-case hex`);
  if (!Number.isFinite(bytes)) problems.push(`bytes ${wire.bytes} must be at most 2^53 - 1`);
  if (kind === undefined || problems.length > 0) {
    if (kind === undefined) problems.unshift(`kind ${wire.kind} must be a kind of artifact`);
    throw new ClusterError("invalid_request", problems.join("; "));
  }
  return { kind, bytes, sha256: wire.sha256, mediaType: wire.mediaType };
}
