// One component of a checkpoint: a folder with config.json and .safetensors weights. Each can be read alone, too.
import { join } from "node:path";
import { ClusterError } from "@cogfleet/core";
import { unsupportedSettings } from "../diffusion/scheduler.js";
import {
  parseSchedulerConfig,
  parseT5Config,
  parseTransformerConfig,
  parseVaeConfig,
} from "./config-parsers.js";
import type { SchedulerConfig, T5Config, TransformerConfig, VaeConfig } from "./configs.js";
import { readJsonObject, statOf } from "./disk.js";
import { readWeightTable } from "./weight-files.js";
import { type WeightRef, type Weights, weightsOf } from "./weights.js";

/** What a folder holds: the weights are checked as far as the files go; their shapes when a graph asks for them. */
export interface Component<Config> {
  readonly folder: string;
  readonly config: Config;
  /** config.json as it is. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly tensors: ReadonlyMap<string, WeightRef>;
  /** A new view of the weights, that remembers which of them were asked for. */
  weights(): Weights;
}

/** Reads a folder with a CogVideoXTransformer3DModel. `invalid_checkpoint` or `unsupported`, naming what is wrong. */
export function readTransformerFolder(
  folder: string,
  signal: AbortSignal,
): Promise<Component<TransformerConfig>> {
  return readComponent(folder, parseTransformerConfig, signal);
}

/** Reads a folder with an AutoencoderKLCogVideoX. */
export function readVaeFolder(folder: string, signal: AbortSignal): Promise<Component<VaeConfig>> {
  return readComponent(folder, parseVaeConfig, signal);
}

/** Reads a folder with a T5EncoderModel. */
export function readTextEncoderFolder(folder: string, signal: AbortSignal): Promise<Component<T5Config>> {
  return readComponent(folder, parseT5Config, signal);
}

/**
 * Reads scheduler_config.json. `className` is what model_index.json says: it decides, as in diffusers. `unsupported`,
 * naming every setting that is not CogVideoX's: those are found before anything is computed.
 */
export async function readScheduler(
  folder: string,
  signal: AbortSignal,
  className?: string,
): Promise<{ readonly config: SchedulerConfig; readonly json: Readonly<Record<string, unknown>> }> {
  signal.throwIfAborted();
  const file = join(folder, "scheduler_config.json");
  const read = await readJsonObject(file);
  const json = className === undefined ? read : { ...read, _class_name: className };
  const config = parseSchedulerConfig(file, json);
  const unsupported = unsupportedSettings(config);
  if (unsupported.length > 0)
    throw new ClusterError("unsupported", `${file} asks for ${unsupported.join(" and ")}`);
  return { config, json };
}

async function readComponent<Config>(
  folder: string,
  parse: (source: string, json: unknown) => Config,
  signal: AbortSignal,
): Promise<Component<Config>> {
  signal.throwIfAborted();
  await requireFolder(folder);
  const file = join(folder, "config.json");
  const json = await readJsonObject(file);
  const config = parse(file, json);
  const tensors = await readWeightTable(folder, signal);
  return { folder, config, json, tensors, weights: () => weightsOf(folder, tensors) };
}

/** `invalid_checkpoint` unless `folder` is one. */
export async function requireFolder(folder: string): Promise<void> {
  const stats = await statOf(folder);
  if (stats === undefined) throw new ClusterError("invalid_checkpoint", `${folder} does not exist`);
  if (!stats.isDirectory()) throw new ClusterError("invalid_checkpoint", `${folder} is not a folder`);
}
