import { freemem } from "node:os";
import type { Clock } from "@cogfleet/core";
import {
  type Checkpoint,
  checkWeights,
  createPromptEncoder,
  inspect,
  openCheckpoint,
  openTextEncoder,
  openTransformer,
  openVaeDecoder,
  type Precision,
  type Runtime,
  type TextEncoder,
  textToVideo,
} from "@cogfleet/model";
import { type Device, type RuntimeOptions, startProcessRuntime, startThreadRuntime } from "@cogfleet/ort";
import { choosePrecision, type PRECISIONS } from "./precision.js";
import {
  type TEXT_ENCODER_MODES,
  textEncoderMode,
  timedRuntime,
  transientTextEncoder,
} from "./text-encoding.js";
import type { VideoModel } from "./video-model.js";

export interface ModelOptions {
  readonly folder: string;
  readonly device: Device;
  readonly precision: (typeof PRECISIONS)[number];
  readonly threads: number;
  readonly spin: boolean;
  readonly textEncoder: (typeof TEXT_ENCODER_MODES)[number];
}

/** What is measured of the model. All in seconds. */
export interface ModelObserver {
  transformerRan(seconds: number): void;
  textEncoded(seconds: number): void;
  vaeDecoded(seconds: number): void;
  sessionLoaded(component: "transformer" | "vae_decoder" | "text_encoder", seconds: number): void;
  coldStartPhase(phase: "checkpoint" | "sessions", seconds: number): void;
}

export interface LoadedModel extends VideoModel {
  readonly precision: Precision;
  readonly textEncoder: "resident" | "transient";
  /** Ends the compute threads; waits for a run in progress. Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens a checkpoint and loads what makes videos from it. All that can be wrong with the checkpoint, the device or the
 * precision is found here: `invalid_checkpoint`, `unsupported`, `out_of_memory`.
 */
export async function loadModel(
  options: ModelOptions,
  { clock, observer }: { readonly clock: Clock; readonly observer: ModelObserver },
  signal: AbortSignal,
): Promise<LoadedModel> {
  const startedAt = clock.now();
  const checkpoint = await openCheckpoint(options.folder, signal);
  const inspection = inspect(checkpoint);
  const precision = choosePrecision(options.precision, options.device, inspection);
  checkWeights(checkpoint);
  const readAt = clock.now();
  observer.coldStartPhase("checkpoint", (readAt - startedAt) / 1000);

  const { device, threads, spin } = options;
  const runtimes: Runtime[] = [];
  const start = (runtime: Runtime, component: Parameters<ModelObserver["sessionLoaded"]>[0]): Runtime =>
    timedRuntime(runtime, clock.now, (_graph, seconds) => observer.sessionLoaded(component, seconds));
  const close = async (): Promise<void> => {
    await Promise.all(runtimes.map((runtime) => runtime.close()));
  };
  try {
    const compute = startThreadRuntime({ device, precision, threads, spin });
    runtimes.push(compute);
    await compute.ready(signal);
    const { transformer, vae } = checkpoint;
    const opened = {
      transformer: await openTransformer(
        start(compute, "transformer"),
        transformer.config,
        transformer.weights(),
        precision,
        signal,
      ),
      vaeDecoder: await openVaeDecoder(
        start(compute, "vae_decoder"),
        vae.config,
        vae.weights(),
        precision,
        signal,
      ),
    };
    const needed = inspection.stages.reduce((sum, { bytes }) => sum + bytes[precision], 0);
    const mode = textEncoderMode(options.textEncoder, { neededBytes: needed, freeBytes: freeMemory() });
    const textEncoder = await openText(
      checkpoint,
      mode,
      {
        compute,
        options,
        own: (runtime) => runtimes.push(runtime),
        load: (runtime) => start(runtime, "text_encoder"),
      },
      signal,
    );
    observer.coldStartPhase("sessions", (clock.now() - readAt) / 1000);
    const timed = <A extends readonly unknown[], R>(
      run: (...args: A) => Promise<R>,
      onSeconds: (seconds: number) => void,
    ): ((...args: A) => Promise<R>) => {
      return async (...args) => {
        const from = clock.now();
        const result = await run(...args);
        onSeconds((clock.now() - from) / 1000);
        return result;
      };
    };
    const components = {
      config: { transformer: transformer.config, vae: vae.config, scheduler: checkpoint.scheduler },
      prompts: createPromptEncoder({
        tokenizer: checkpoint.tokenizer,
        textEncoder: { encode: timed(textEncoder.encode, observer.textEncoded) },
      }),
      transformer: { forward: timed(opened.transformer.forward, observer.transformerRan) },
      vaeDecoder: { decode: timed(opened.vaeDecoder.decode, observer.vaeDecoded) },
    };
    return {
      facts: checkpoint.facts,
      precision,
      textEncoder: mode,
      generate: (args, hooks, generateSignal) => textToVideo(components, args, hooks, generateSignal),
      close,
    };
  } catch (reason) {
    await close();
    throw reason;
  }
}

/** The text encoder computes on the CPU in fp32, wherever the rest does: once a prompt, and its memory is large. */
async function openText(
  { textEncoder: { config, weights } }: Checkpoint,
  mode: "resident" | "transient",
  {
    compute,
    options,
    own,
    load,
  }: {
    readonly compute: Runtime;
    readonly options: ModelOptions;
    readonly own: (runtime: Runtime) => void;
    readonly load: (runtime: Runtime) => Runtime;
  },
  signal: AbortSignal,
): Promise<TextEncoder> {
  const { threads, spin, device } = options;
  const onCpu: RuntimeOptions = { device: { kind: "cpu", index: 0 }, precision: "fp32", threads, spin };
  const open = (runtime: Runtime, openSignal: AbortSignal): Promise<TextEncoder> =>
    openTextEncoder(load(runtime), config, weights(), "fp32", openSignal);
  if (mode === "transient") return transientTextEncoder(() => startProcessRuntime(onCpu), open);
  if (device.kind === "cpu") return open(compute, signal);
  const runtime = startThreadRuntime(onCpu);
  own(runtime);
  return open(runtime, signal);
}

/** Bytes that this process may still take: of the machine, or of its container where that has less. */
function freeMemory(): number {
  const constrained = process.constrainedMemory?.() ?? 0;
  const rest = constrained > 0 ? constrained - process.memoryUsage.rss() : Number.POSITIVE_INFINITY;
  return Math.min(freemem(), rest);
}
