// A checkpoint as diffusers saves one: model_index.json and a folder for each component.
import { createHash } from "node:crypto";
import { basename, join, resolve } from "node:path";
import * as z from "zod";
import type { ModelFacts } from "../request.js";
import { type OpenTokenizer, openTokenizer } from "../text/tokenizer.js";
import {
  type Component,
  readScheduler,
  readTextEncoderFolder,
  readTransformerFolder,
  readVaeFolder,
  requireFolder,
} from "./component.js";
import { only, parseConfig } from "./config-fields.js";
import type { ModelConfigs, SchedulerConfig, T5Config, TransformerConfig, VaeConfig } from "./configs.js";
import { inconsistencies } from "./consistency.js";
import { isObject, readJsonObject } from "./disk.js";
import { modelFacts } from "./model-facts.js";
import { combined, together } from "./problems.js";

/** A checkpoint whose files are read and agree with each other. Nothing is kept open. */
export interface Checkpoint {
  /** Absolute. */
  readonly folder: string;
  readonly facts: ModelFacts;
  readonly transformer: Component<TransformerConfig>;
  readonly vae: Component<VaeConfig>;
  readonly textEncoder: Component<T5Config>;
  readonly scheduler: SchedulerConfig;
  readonly tokenizer: OpenTokenizer;
}

const PIPELINES = ["CogVideoXPipeline", "CogVideoXImageToVideoPipeline"] as const;
const SCHEDULERS = ["CogVideoXDDIMScheduler", "CogVideoXDPMScheduler"];

/**
 * Opens a folder in the diffusers layout: text-to-video or image-to-video. Only headers and configs are read. Every
 * problem that can be found is reported at once: `unsupported` if all of them are, else `invalid_checkpoint`.
 */
export async function openCheckpoint(folder: string, signal: AbortSignal): Promise<Checkpoint> {
  signal.throwIfAborted();
  const root = resolve(folder);
  await requireFolder(root);
  const index = parseModelIndex(
    join(root, "model_index.json"),
    await readJsonObject(join(root, "model_index.json")),
  );
  const at = (component: string): string => join(root, component);
  const [transformer, vae, textEncoder, scheduler, tokenizer] = await together([
    readTransformerFolder(at("transformer"), signal),
    readVaeFolder(at("vae"), signal),
    readTextEncoderFolder(at("text_encoder"), signal),
    readScheduler(at("scheduler"), signal, index.schedulerClass),
    openTokenizer(at("tokenizer"), signal),
  ]);
  const isImageToVideo = index.pipelineClass === "CogVideoXImageToVideoPipeline";
  const problems = inconsistencies(root, {
    isImageToVideo,
    transformer: transformer.config,
    vae: vae.config,
    textEncoder: textEncoder.config,
    idCount: tokenizer.idCount,
  });
  if (problems.length > 0) throw combined(problems);

  const facts = modelFacts({
    name: nameOf(root),
    digest: digestOf([index.pipelineClass, transformer.json, vae.json, textEncoder.json, scheduler.json]),
    isImageToVideo,
    transformer: transformer.config,
    scheduler: scheduler.config,
  });
  return { folder: root, facts, transformer, vae, textEncoder, scheduler: scheduler.config, tokenizer };
}

/** The configs of an open checkpoint. */
export function configsOf({ transformer, vae, textEncoder }: Checkpoint): ModelConfigs {
  return { transformer: transformer.config, vae: vae.config, textEncoder: textEncoder.config };
}

function parseModelIndex(
  source: string,
  json: Readonly<Record<string, unknown>>,
): { readonly pipelineClass: (typeof PIPELINES)[number]; readonly schedulerClass: string } {
  const classes = Object.fromEntries(
    Object.entries(json).map(([key, value]) => [key, Array.isArray(value) ? value[1] : value]),
  );
  const schema = z.object({
    _class_name: only(PIPELINES, undefined),
    transformer: only(["CogVideoXTransformer3DModel"], undefined),
    vae: only(["AutoencoderKLCogVideoX"], undefined),
    text_encoder: only(["T5EncoderModel"], undefined),
    tokenizer: only(["T5Tokenizer", "T5TokenizerFast"], undefined),
    scheduler: only(SCHEDULERS, undefined),
  });
  const { _class_name: pipelineClass, scheduler: schedulerClass } = parseConfig(source, schema, classes);
  return { pipelineClass, schedulerClass };
}

/** The folder's name; for a snapshot in a Hugging Face cache, whose name is a hash, the model's. */
function nameOf(folder: string): string {
  return /models--[^/\\]*?--([^/\\]+)[/\\]snapshots[/\\][^/\\]+$/.exec(folder)?.[1] ?? basename(folder);
}

/** Of what decides the arithmetic: keys such as _diffusers_version and _name_or_path tell where a config came from. */
function digestOf(parts: readonly unknown[]): string {
  return createHash("sha256")
    .update(JSON.stringify(parts.map(canonical)))
    .digest("hex");
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (!isObject(value)) return value;
  return Object.entries(value)
    .filter(([key]) => !key.startsWith("_") && key !== "transformers_version")
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => [key, canonical(item)]);
}
