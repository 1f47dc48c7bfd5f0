import { PARALLEL_RULE, parseParallel } from "@cogfleet/parallel";
import type { ArtifactKind, Submission } from "./client/generation.js";
import type { CoordinatorAddress } from "./client/open-client.js";
import { readEndpoint } from "./endpoint.js";
import { FlagReader, type RawFlags } from "./flags.js";
import { readWorkerShape, type WorkerShape } from "./fleet/worker-flags.js";
import { readTlsFlags } from "./tls-flags.js";

/** What `generate` was asked to do. */
export interface GenerateRequest {
  readonly submission: Submission;
  /** As typed: a checkpoint's folder, or the name of a model that workers offer. */
  readonly model: string | undefined;
  readonly target: GenerateTarget;
  readonly outputs: readonly RequestedOutput[];
  readonly isJson: boolean;
  /** Submit the job and leave. */
  readonly isDetached: boolean;
}

type GenerateTarget =
  | ({ readonly kind: "endpoint" } & CoordinatorAddress)
  | { readonly kind: "local"; readonly shape: WorkerShape };

export interface RequestedOutput {
  readonly kind: ArtifactKind;
  readonly flag: string;
  readonly path: string;
}

const OUTPUT_FLAGS = [
  { kind: "latents", flag: "save-latents" },
  { kind: "frames", flag: "save-frames" },
] as const;

const ENDPOINT_ONLY = ["endpoint", "tls-cert", "tls-key", "tls-ca", "tls-server-name"] as const;
const NOT_DETACHED = ["local", "output", "save-latents", "save-frames"] as const;
const LOCAL_ONLY = ["workers", "threads", "device", "precision"] as const;

/** Reads the flags of `generate`; `invalid_request` names every one that is wrong. Sizes are the model's to judge. */
export function readGenerateFlags(
  raw: RawFlags,
  env: Readonly<Record<string, string | undefined>>,
): GenerateRequest {
  const flags = new FlagReader(raw);
  const isDetached = flags.isSet("detach");
  if (isDetached)
    for (const flag of NOT_DETACHED)
      flags.require(!flags.has(flag), `--${flag} and --detach exclude each other`);
  const outputs: RequestedOutput[] = [];
  if (!isDetached) outputs.push({ kind: "video", flag: "output", path: flags.text("output") ?? "video.mp4" });
  for (const { kind, flag } of OUTPUT_FLAGS) {
    const path = flags.text(flag);
    if (path !== undefined) outputs.push({ kind, flag, path });
  }
  const submission: Submission = {
    prompt: flags.requiredText("prompt"),
    negativePrompt: flags.text("negative-prompt"),
    seed: flags.seed("seed"),
    numInferenceSteps: flags.integer("steps", { min: 1, max: 1000 }),
    guidanceScale: flags.decimal("guidance-scale", 0),
    useDynamicCfg: flags.isSet("dynamic-guidance") ? true : undefined,
    scheduler: flags.oneOf("scheduler", ["ddim", "dpm"]),
    numFrames: flags.integer("frames"),
    height: flags.integer("height"),
    width: flags.integer("width"),
    fps: flags.integer("fps", { min: 1, max: 120 }),
    vaeTiling: flags.isSet("vae-tiling") ? true : undefined,
    parallel: flags.text("parallel"),
    idempotencyKey: flags.text("idempotency-key"),
    priority: flags.integer("priority", { min: -100, max: 100 }),
    tenant: flags.text("tenant"),
    deadline: flags.time("deadline"),
    maxRunSeconds: flags.positive("max-run-seconds"),
    allowVaeTilingFallback: flags.isSet("allow-vae-tiling-fallback") ? true : undefined,
    embedMetadata: !flags.isOff("metadata"),
    extraArtifacts: outputs.flatMap(({ kind }) => (kind === "video" ? [] : [kind])),
  };
  const { parallel = "auto" } = submission;
  flags.require(parseParallel(parallel) !== undefined, `--parallel ${PARALLEL_RULE}, got "${parallel}"`);
  const model = flags.text("model");
  flags.require(model === undefined || model.trim() !== "", "--model must not be blank");
  const target = readTarget(flags, env);
  flags.finish();
  return { submission, model, target, outputs, isJson: flags.isSet("json"), isDetached };
}

function readTarget(flags: FlagReader, env: Readonly<Record<string, string | undefined>>): GenerateTarget {
  if (!flags.isSet("local")) {
    for (const flag of LOCAL_ONLY) flags.require(!flags.has(flag), `--${flag} needs --local`);
    return { kind: "endpoint", endpoint: readEndpoint(flags, env), tls: readTlsFlags(flags, env) };
  }
  for (const flag of ENDPOINT_ONLY)
    flags.require(!flags.has(flag), `--${flag} and --local exclude each other`);
  return { kind: "local", shape: readWorkerShape(flags) };
}
