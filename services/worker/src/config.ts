import { availableParallelism } from "node:os";
import { type Device, parseDevice } from "@cogfleet/ort";
import {
  type ConfigOf,
  choiceSetting,
  integerSetting,
  LOG_LEVELS,
  readConfig,
  textSetting,
  tlsProblems,
  tlsSettings,
  tracingProblems,
  tracingSettings,
} from "@cogfleet/service";
import { VIDEO_ENCODERS } from "./mp4/video-encoder.js";
import { PRECISIONS } from "./precision.js";
import { TEXT_ENCODER_MODES } from "./text-encoding.js";

/** Every setting of the worker; each is a flag and a variable: `httpPort`, `--http-port`, COGFLEET_HTTP_PORT. */
export const workerSettings = {
  coordinator: textSetting({
    fallback: "127.0.0.1:7070",
    help: "HOST:PORT of the coordinator; of several, separated by commas, or a name of several addresses: the one that leads is found",
  }),
  model: textSetting({ help: "folder with a checkpoint in the diffusers layout" }),
  device: textSetting({ fallback: "cpu", help: "what computes: cpu, cuda, cuda:INDEX or webgpu" }),
  precision: choiceSetting({
    choices: PRECISIONS,
    fallback: "auto",
    help: "numbers to compute in; auto: fp32 on cpu, else what the checkpoint stands",
  }),
  threads: integerSetting({
    min: 0,
    max: 1024,
    fallback: 0,
    help: "threads of a computation; 0: processors / local workers, at least 1",
  }),
  localWorkers: integerSetting({
    min: 1,
    max: 1024,
    fallback: 1,
    help: "workers that share this machine, this one counted",
  }),
  textEncoder: choiceSetting({
    choices: TEXT_ENCODER_MODES,
    fallback: "auto",
    help: "keep the text encoder loaded, or load it in a process of its own for each new prompt; auto: keep it where it fits",
  }),
  videoEncoder: choiceSetting({
    choices: VIDEO_ENCODERS,
    fallback: "wasm",
    help: "wasm writes the same bytes on every machine; auto: ffmpeg where it is on PATH, else wasm",
  }),
  id: textSetting({ fallback: "auto", help: "name of this worker; auto: host name and random letters" }),
  listen: textSetting({ fallback: "127.0.0.1", help: "interface to listen on" }),
  advertise: textSetting({
    fallback: "auto",
    help: "address that others reach this worker by; auto: --listen",
  }),
  exchangePort: integerSetting({
    min: 0,
    max: 65_535,
    fallback: 0,
    help: "gRPC port where peers pull tensors, 0 takes a free one",
  }),
  sharedMemoryMib: integerSetting({
    min: 0,
    max: 1_048_576,
    fallback: 1024,
    help: "memory in /dev/shm for tensors to workers of the same host, MiB; 0: they take the network too",
  }),
  ...tlsSettings,
  ...tracingSettings,
  httpPort: integerSetting({
    min: 0,
    max: 65_535,
    fallback: 0,
    help: "HTTP port for metrics and probes, 0 takes a free one",
  }),
  graceMs: integerSetting({
    min: 0,
    max: 3_600_000,
    fallback: 120_000,
    help: "time that a shutdown may take: a step is finished before the job is handed back",
  }),
  hungRunMs: integerSetting({
    min: 0,
    max: 86_400_000,
    fallback: 0,
    help: "a graph that still runs so long after its job was taken away, and far longer than any before, hangs: the worker ends, to be started anew; 0: 2.5 minutes, on the CPU an hour",
  }),
  logLevel: choiceSetting({ choices: LOG_LEVELS, fallback: "info", help: "least level that is logged" }),
};

export type WorkerConfig = ConfigOf<typeof workerSettings>;

const ADDRESS = /^(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):(\d{1,5})$/;

/** Reads flags and COGFLEET_* variables. Throws `invalid_config` with every problem. */
export function parseWorkerConfig(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): WorkerConfig {
  return readConfig(workerSettings, argv, env, (config) => {
    const { coordinator, device } = config;
    const problems = [...tlsProblems(config), ...tracingProblems(config)];
    for (const endpoint of endpointsOf(coordinator)) {
      const port = Number(ADDRESS.exec(endpoint)?.[2] ?? 0);
      if (port < 1 || port > 65_535)
        problems.push(`--coordinator must be HOST:PORT, such as 127.0.0.1:7070, got "${endpoint}"`);
    }
    try {
      parseDevice(device);
    } catch (reason) {
      problems.push(`--${reason instanceof Error ? reason.message : String(reason)}`);
    }
    return problems;
  });
}

/** The coordinators of --coordinator. */
export function endpointsOf(coordinator: string): readonly string[] {
  return coordinator.split(",").map((endpoint) => endpoint.trim());
}

/** `--hung-run-ms`. On a CPU a graph hardly hangs, but one step of a large model may take minutes, and the first has none to be compared with. */
export function hungRunMsOf({ hungRunMs }: Pick<WorkerConfig, "hungRunMs">, { kind }: Device): number {
  if (hungRunMs > 0) return hungRunMs;
  return kind === "cpu" ? 3_600_000 : 150_000;
}

/** Threads of one computation, at least 1, and whether idle ones may spin: only when nobody else wants the cores. */
export function threadsOf(
  { threads, localWorkers }: Pick<WorkerConfig, "threads" | "localWorkers">,
  cpus: number = availableParallelism(),
): { readonly threads: number; readonly spin: boolean } {
  const share = Math.max(1, Math.floor(cpus / localWorkers));
  const taken = threads === 0 ? share : threads;
  // A worker that was given fewer threads than there are processors was given neighbours, too.
  return { threads: taken, spin: localWorkers === 1 && taken >= cpus };
}
