import type { ModelInfo, WorkerInfo } from "./client/generation.js";
import type { CommandContext } from "./context.js";
import type { ExitCode } from "./exit-code.js";
import { FlagReader, type RawFlags } from "./flags.js";
import { snakeCased } from "./view/snake-case.js";
import { table } from "./view/table.js";
import { withClient } from "./with-client.js";

/** `cogfleet workers`. */
export function listWorkers(raw: RawFlags, context: CommandContext): Promise<ExitCode> {
  const flags = new FlagReader(raw);
  return withClient(flags, context, async (client, signal) => {
    const workers = await client.workers(signal);
    const lines = flags.isSet("json") ? workers.map((worker) => snakeCased(worker)) : workersTable(workers);
    for (const line of lines) context.terminal.out(line);
    return 0;
  });
}

/** `cogfleet workers drain`. */
export function drainWorker(id: string, raw: RawFlags, context: CommandContext): Promise<ExitCode> {
  const flags = new FlagReader(raw);
  return withClient(flags, context, async (client, signal) => {
    const worker = await client.drain(id, signal);
    if (flags.isSet("json")) context.terminal.out(snakeCased(worker));
    else
      context.terminal.out(
        worker.jobId === ""
          ? `worker ${id} leaves`
          : `worker ${id} leaves after this step of job ${worker.jobId}`,
      );
    return 0;
  });
}

/** `cogfleet models`. */
export function listModels(raw: RawFlags, context: CommandContext): Promise<ExitCode> {
  const flags = new FlagReader(raw);
  return withClient(flags, context, async (client, signal) => {
    const models = await client.models(signal);
    const lines = flags.isSet("json") ? models.map((model) => snakeCased(model)) : modelsTable(models);
    for (const line of lines) context.terminal.out(line);
    return 0;
  });
}

function workersTable(workers: readonly WorkerInfo[]): string[] {
  if (workers.length === 0) return ["no workers are connected"];
  return table(
    ["ID", "STATE", "DEVICE", "PRECISION", "THREADS", "MODELS", "JOB", "HOST", "PID"],
    workers.map((worker) => [
      worker.id,
      worker.state,
      worker.device,
      worker.precision,
      String(worker.threads),
      worker.models.join(","),
      worker.jobId === "" ? "-" : worker.jobId,
      worker.hostname,
      String(worker.pid),
    ]),
    ["THREADS", "PID"],
  );
}

function modelsTable(models: readonly ModelInfo[]): string[] {
  if (models.length === 0) return ["no worker has offered a model yet"];
  return table(
    ["NAME", "VARIANT", "DEFAULT", "HEIGHTS", "WIDTHS", "FRAMES", "SCHEDULER", "TEXT TOKENS", "WORKERS"],
    models.map((model) => [
      model.name,
      model.variant,
      `${model.defaultWidth}x${model.defaultHeight}, ${model.defaultNumFrames} frames, ${model.defaultFps} fps`,
      `${model.minHeight}-${model.maxHeight}`,
      `${model.minWidth}-${model.maxWidth}`,
      `up to ${model.maxNumFrames}`,
      model.defaultScheduler,
      String(model.maxTextSeqLength),
      String(model.readyWorkers),
    ]),
    ["TEXT TOKENS", "WORKERS"],
  );
}
