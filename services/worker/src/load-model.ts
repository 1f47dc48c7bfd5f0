import { freemem, totalmem } from "node:os";
import type { Clock } from "@cogfleet/core";
import {
  type Checkpoint,
  checkWeights,
  configsOf,
  createPromptEncoder,
  inspect,
  openCheckpoint,
  openTextEncoder,
  openTransformer,
  type Precision,
  type Runtime,
  type TextEncoder,
  videoLatents,
} from "@cogfleet/model";
import {
  type Device,
  type OnRun,
  type RuntimeOptions,
  startProcessRuntime,
  startThreadRuntime,
} from "@cogfleet/ort";
import {
  openShardedTransformer,
  openShardedVaeDecoder,
  type ShardedDecode,
  type ShardedTransformer,
  type ShardedVaeDecoder,
  shardedTextToVideo,
  unsharded,
} from "@cogfleet/parallel";
import { BusyTime, busyRuntime } from "./busy-time.js";
import { ComputeForms, formOf, type TransformerForm } from "./compute-form.js";
import { GraphRuns } from "./graph-runs.js";
import { measureRate } from "./measure-rate.js";
import { requireMemory } from "./memory-gate.js";
import { choosePrecision, type PRECISIONS } from "./precision.js";
import {
  type TEXT_ENCODER_MODES,
  textEncoderMode,
  timedRuntime,
  transientTextEncoder,
} from "./text-encoding.js";
import type { ModelConfigTexts, VideoModel, VideoTask } from "./video-model.js";

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
  /** A step is through the transformer, whose graphs ran for so long on this rank. */
  transformerRan(seconds: number): void;
  textEncoded(seconds: number): void;
  vaeDecoded(seconds: number): void;
  sessionLoaded(component: "transformer" | "vae_decoder" | "text_encoder", seconds: number): void;
  coldStartPhase(phase: "checkpoint" | "sessions", seconds: number): void;
}

export interface LoadedModel extends VideoModel {
  readonly precision: Precision;
  readonly textEncoder: "resident" | "transient";
  /** For the planner. */
  readonly configs: ModelConfigTexts;
  /** As measured at start. */
  readonly flopsPerSecond: number;
  /** That was free before anything was loaded; 0 for a card, which does not say. */
  readonly memoryBytes: number;
  /** What is loaded of the transformer. */
  form(): TransformerForm | undefined;
  /** For which the run under way of transformer or VAE has lasted; 0: none is. */
  runSeconds(): number;
  /** Why a device must be taken to hang: a run that was given up goes on for so long, and far longer than any took. */
  hang(patienceMs: number): string | undefined;
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
  const { transformer: dit, vae, textEncoder: t5, scheduler } = checkpoint;
  const memoryBytes = freeMemory();
  const runtimes: Runtime[] = [];
  const start = (runtime: Runtime, component: Parameters<ModelObserver["sessionLoaded"]>[0]): Runtime =>
    timedRuntime(runtime, clock.now, (_graph, seconds) => observer.sessionLoaded(component, seconds));
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
  const computing = new BusyTime(clock.now);
  const running = new GraphRuns(clock.now);
  const encoding = new GraphRuns(clock.now);
  const computed = (forward: Loaded["transformer"]["forward"]): typeof forward => {
    return async (...args) => {
      computing.take();
      const result = await forward(...args);
      observer.transformerRan(computing.take());
      return result;
    };
  };
  const forms = new ComputeForms<Loaded>(
    () => startThreadRuntime({ device, precision, threads, spin }, (...run) => running.begun(...run)),
    async (runtime, form, loadSignal) => {
      const decoder = await openShardedVaeDecoder(
        start(runtime, "vae_decoder"),
        vae.config,
        vae.weights(),
        precision,
        loadSignal,
      );
      const on = busyRuntime(start(runtime, "transformer"), computing);
      const open = form === "whole" ? openWhole : openShardedTransformer;
      return {
        runtime,
        transformer: await open(on, dit.config, dit.weights(), precision, loadSignal),
        decoder,
      };
    },
  );
  const close = async (): Promise<void> => {
    await Promise.all([forms.close(), ...runtimes.map((runtime) => runtime.close())]);
  };
  try {
    const { runtime } = await forms.take("whole", signal);
    const needed = inspection.stages.reduce((sum, { bytes }) => sum + bytes[precision], 0);
    const mode = textEncoderMode(options.textEncoder, { neededBytes: needed, freeBytes: memoryBytes });
    const textEncoder = await openText(
      checkpoint,
      mode,
      {
        options,
        own: (owned) => runtimes.push(owned),
        load: (loading) => start(loading, "text_encoder"),
        onRun: (...run) => encoding.begun(...run),
      },
      signal,
    );
    observer.coldStartPhase("sessions", (clock.now() - readAt) / 1000);
    const probeSize = device.kind === "cpu" ? 512 : 4096;
    const flopsPerSecond = await measureRate(runtime, precision, probeSize, clock, signal);
    const config = { transformer: dit.config, vae: vae.config, scheduler };
    const prompts = createPromptEncoder({
      tokenizer: checkpoint.tokenizer,
      textEncoder: { encode: timed(textEncoder.encode, observer.textEncoded) },
    });
    return {
      facts: checkpoint.facts,
      precision,
      textEncoder: mode,
      flopsPerSecond,
      memoryBytes: device.kind === "cpu" ? memoryBytes : 0,
      configs: {
        transformerJson: JSON.stringify(dit.json),
        vaeJson: JSON.stringify(vae.json),
        textEncoderJson: JSON.stringify(t5.json),
      },
      form: () => forms.form,
      runSeconds: () => running.seconds,
      hang: (patienceMs) => running.hang(patienceMs) ?? encoding.hang(patienceMs),
      async generate({ args, plan, group, start: from }: VideoTask, hooks, generateSignal) {
        if (device.kind === "cpu") {
          requireMemory(configsOf(checkpoint), args, { precision, plan, rank: group.rank }, totalMemory());
        }
        const { transformer, decoder } = await forms.take(formOf(plan), generateSignal);
        const { frames, additionalFrames, height, width } = videoLatents(config, args);
        const size = { frames: frames - additionalFrames, height, width };
        await decoder.prepare(group.rank, plan.vae, size, { tiling: args.vaeTiling }, generateSignal);
        const decode: ShardedDecode = timed(decoder.decode, observer.vaeDecoded);
        const components = {
          config,
          prompts,
          transformer: { forward: computed(transformer.forward) },
          decode,
        };
        return shardedTextToVideo(components, group, plan, args, from, hooks, generateSignal);
      },
      close,
    };
  } catch (reason) {
    await close();
    throw reason;
  }
}

/** What is loaded in one runtime. */
interface Loaded {
  readonly runtime: Runtime;
  readonly transformer: Pick<ShardedTransformer, "forward">;
  readonly decoder: ShardedVaeDecoder;
}

/** One graph, in the place of segments. */
async function openWhole(
  ...parts: Parameters<typeof openTransformer>
): Promise<Pick<ShardedTransformer, "forward">> {
  const [, config] = parts;
  return unsharded(await openTransformer(...parts), config);
}

/** The text encoder computes on the CPU in fp32, wherever the rest does: once a prompt, and its memory is large. */
async function openText(
  { textEncoder: { config, weights } }: Checkpoint,
  mode: "resident" | "transient",
  {
    options,
    own,
    load,
    onRun,
  }: {
    readonly options: ModelOptions;
    readonly own: (runtime: Runtime) => void;
    readonly load: (runtime: Runtime) => Runtime;
    readonly onRun: OnRun;
  },
  signal: AbortSignal,
): Promise<TextEncoder> {
  const { threads, spin } = options;
  const onCpu: RuntimeOptions = { device: { kind: "cpu", index: 0 }, precision: "fp32", threads, spin };
  const open = (runtime: Runtime, openSignal: AbortSignal): Promise<TextEncoder> =>
    openTextEncoder(load(runtime), config, weights(), "fp32", openSignal);
  if (mode === "transient") return transientTextEncoder(() => startProcessRuntime(onCpu), open);
  const runtime = startThreadRuntime(onCpu, onRun);
  own(runtime);
  return open(runtime, signal);
}

/** Bytes of the machine, or of its container where that has less. */
function totalMemory(): number {
  const constrained = process.constrainedMemory?.() ?? 0;
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/** Bytes that this process may still take: of the machine, or of its container where that has less. */
function freeMemory(): number {
  const constrained = process.constrainedMemory?.() ?? 0;
  const rest = constrained > 0 ? constrained - process.memoryUsage.rss() : Number.POSITIVE_INFINITY;
  return Math.min(freemem(), rest);
}
