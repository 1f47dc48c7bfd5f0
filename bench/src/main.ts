// npm run bench -- NAME [--json] [--threads N] [--repeats N] [--ranks N,N,...] [--activations bf16|int8]
//        [--widths 2b,5b,narrow] [--stores NAME,NAME] [--jobs N]
// npm run bench -- random-checkpoint FOLDER [--transformer config.json]
import { readFileSync } from "node:fs";
import process from "node:process";
import { ClusterError, neverAborts, systemClock } from "@cogfleet/core";
import { autoscalingBench, autoscalingTable } from "./autoscaling.js";
import { type BenchFlags, readBenchFlags } from "./bench-flags.js";
import { denoiseStepBench } from "./denoise-step.js";
import { exchangeBench } from "./exchange.js";
import { modelledFleetBench, modelledFleetTable } from "./modelled-fleet.js";
import { cfgStepBench, parallelStepBench } from "./parallel-step.js";
import { TRANSFORMERS, writeRandomCheckpoint } from "./random-checkpoint.js";
import { type BenchResult, isOk, jsonLine, textLines } from "./report.js";
import { submitBench } from "./submit.js";
import { vaeDecodeBench } from "./vae-decode.js";

interface Options extends BenchFlags {
  /** Told of each result as soon as it is there, by the benches that take minutes. */
  onResult(result: BenchResult): void;
}

const BENCHES: Readonly<Record<string, (options: Options) => Promise<readonly BenchResult[]>>> = {
  autoscaling: autoscalingBench,
  "cfg-step": cfgStepBench,
  "denoise-step": (options) => denoiseStepBench(options, systemClock),
  exchange: (options) => exchangeBench(options, systemClock),
  "modelled-fleet": ({ onResult }) => modelledFleetBench(systemClock, onResult),
  "parallel-step": parallelStepBench,
  submit: ({ stores, jobs }) => submitBench(stores, jobs, systemClock),
  "vae-decode": (options) => vaeDecodeBench(options, systemClock),
};

/** What people read after the results. */
const TABLES: Readonly<Record<string, (results: readonly BenchResult[]) => readonly string[]>> = {
  autoscaling: autoscalingTable,
  "modelled-fleet": modelledFleetTable,
};

const USAGE = [
  "usage: npm run bench -- NAME [--json] [--threads N] [--repeats N] [--ranks N,N,...] [--activations bf16|int8]",
  "                        [--widths 2b,5b,narrow] [--stores NAME,NAME] [--jobs N]",
  `       NAME is one of: ${Object.keys(BENCHES).join(", ")}`,
  "       npm run bench -- random-checkpoint FOLDER [--transformer config.json]",
].join("\n");

const flags = read();
const { name, folder, transformer, isJson } = flags;
const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;

if (name === "random-checkpoint" && folder !== undefined) {
  const config: Readonly<Record<string, unknown>> =
    transformer === undefined ? TRANSFORMERS.narrow : JSON.parse(readFileSync(transformer, "utf8"));
  await writeRandomCheckpoint(folder, config, neverAborts);
  console.log(folder);
} else if (bench !== undefined) {
  const shown = new Set<BenchResult>();
  const show = (result: BenchResult): void => {
    if (!shown.has(result)) console.log(isJson ? jsonLine(result) : textLines(result));
    shown.add(result);
  };
  const results = await bench({ ...flags, onResult: show });
  for (const result of results) show(result);
  if (!isJson) for (const line of TABLES[name]?.(results) ?? []) console.log(line);
  if (!results.every(isOk)) process.exitCode = 1;
} else {
  console.error(USAGE);
  process.exitCode = 2;
}

function read(): BenchFlags {
  try {
    return readBenchFlags(process.argv.slice(2));
  } catch (reason) {
    console.error(`${ClusterError.from(reason).message}\n${USAGE}`);
    process.exit(2);
  }
}
