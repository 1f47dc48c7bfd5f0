// npm run bench -- NAME [--json] [--threads N] [--repeats N] [--ranks N,N,...] [--activations bf16|int8] [--stores NAME,NAME]
// npm run bench -- random-checkpoint FOLDER [--transformer config.json]
import { readFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { neverAborts, systemClock } from "@cogfleet/core";
import { COMPRESSIONS, type Compression } from "@cogfleet/parallel";
import { autoscalingBench, autoscalingTable } from "./autoscaling.js";
import { denoiseStepBench } from "./denoise-step.js";
import { exchangeBench } from "./exchange.js";
import { modelledFleetBench, modelledFleetTable } from "./modelled-fleet.js";
import { cfgStepBench, parallelStepBench } from "./parallel-step.js";
import { REALISTIC_TRANSFORMER, writeRandomCheckpoint } from "./random-checkpoint.js";
import { type BenchResult, isOk, jsonLine, textLines } from "./report.js";
import { submitBench } from "./submit.js";
import { vaeDecodeBench } from "./vae-decode.js";

interface Options {
  readonly threads: number;
  readonly repeats: number;
  readonly ranks: readonly number[];
  /** How parallel-step compresses what it exchanges. */
  readonly activations: Compression | undefined;
  readonly stores: readonly string[];
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
  submit: ({ stores }) => submitBench(stores, systemClock),
  "vae-decode": (options) => vaeDecodeBench(options, systemClock),
};

/** What people read after the results. */
const TABLES: Readonly<Record<string, (results: readonly BenchResult[]) => readonly string[]>> = {
  autoscaling: autoscalingTable,
  "modelled-fleet": modelledFleetTable,
};

const USAGE = [
  "usage: npm run bench -- NAME [--json] [--threads N] [--repeats N] [--ranks N,N,...] [--activations bf16|int8]",
  "                        [--stores NAME,NAME]",
  `       NAME is one of: ${Object.keys(BENCHES).join(", ")}`,
  "       npm run bench -- random-checkpoint FOLDER [--transformer config.json]",
].join("\n");

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    threads: { type: "string", default: "1" },
    repeats: { type: "string", default: "4" },
    ranks: { type: "string", default: "2,3,4" },
    activations: { type: "string" },
    stores: { type: "string", default: "embedded,nats" },
    transformer: { type: "string" },
  },
});
const [name = "", folder] = positionals;
const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;

if (name === "random-checkpoint" && folder !== undefined) {
  const config: Readonly<Record<string, unknown>> =
    values.transformer === undefined
      ? REALISTIC_TRANSFORMER
      : JSON.parse(readFileSync(values.transformer, "utf8"));
  await writeRandomCheckpoint(folder, config, neverAborts);
  console.log(folder);
} else if (bench !== undefined) {
  const shown = new Set<BenchResult>();
  const show = (result: BenchResult): void => {
    if (!shown.has(result)) console.log(values.json ? jsonLine(result) : textLines(result));
    shown.add(result);
  };
  const results = await bench({
    threads: Number(values.threads),
    repeats: Number(values.repeats),
    ranks: values.ranks.split(",").map(Number),
    activations: COMPRESSIONS.find((one) => one === values.activations),
    stores: values.stores.split(","),
    onResult: show,
  });
  for (const result of results) show(result);
  if (!values.json) for (const line of TABLES[name]?.(results) ?? []) console.log(line);
  if (!results.every(isOk)) process.exitCode = 1;
} else {
  console.error(USAGE);
  process.exitCode = 2;
}
