import { parseArgs } from "node:util";
import { ClusterError } from "@cogfleet/core";
import { COMPRESSIONS, type Compression } from "@cogfleet/parallel";
import { TRANSFORMERS, type TransformerName } from "./random-checkpoint.js";

/** What a bench was asked to do. */
export interface BenchFlags {
  /** Its name; "" when there was none. */
  readonly name: string;
  /** Of random-checkpoint. */
  readonly folder: string | undefined;
  readonly transformer: string | undefined;
  readonly isJson: boolean;
  readonly threads: number;
  readonly repeats: number;
  readonly ranks: readonly number[];
  /** How parallel-step compresses what it exchanges. */
  readonly activations: Compression | undefined;
  /** The transformers that parallel-step measures. */
  readonly widths: readonly TransformerName[];
  readonly stores: readonly string[];
  /** That wait in the end. */
  readonly jobs: number;
}

const WIDTHS = Object.keys(TRANSFORMERS) as TransformerName[];

/** Reads the flags; `invalid_request` names the first one that is wrong. */
export function readBenchFlags(args: readonly string[]): BenchFlags {
  const { values, positionals } = parsed(args);
  const count = (flag: "threads" | "repeats" | "jobs"): number => whole(flag, values[flag]);
  const [name = "", folder] = positionals;
  return {
    name,
    folder,
    transformer: values.transformer,
    isJson: values.json,
    threads: count("threads"),
    repeats: count("repeats"),
    ranks: values.ranks.split(",").map((text) => whole("ranks", text)),
    activations:
      values.activations === undefined ? undefined : oneOf("activations", COMPRESSIONS, values.activations),
    widths: values.widths.split(",").map((text) => oneOf("widths", WIDTHS, text)),
    stores: values.stores.split(","),
    jobs: count("jobs"),
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: "boolean", default: false },
        threads: { type: "string", default: "1" },
        repeats: { type: "string", default: "4" },
        ranks: { type: "string", default: "2,3,4" },
        activations: { type: "string" },
        widths: { type: "string", default: "2b,5b,narrow" },
        stores: { type: "string", default: "embedded,nats" },
        jobs: { type: "string", default: "100000" },
        transformer: { type: "string" },
      },
    });
  } catch (reason) {
    const message = reason instanceof Error ? reason.message : String(reason);
    throw new ClusterError("invalid_request", message, { cause: reason });
  }
}

function whole(flag: string, text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new ClusterError("invalid_request", `--${flag} takes whole numbers from 1 on, got "${text}"`);
}

function oneOf<T extends string>(flag: string, known: readonly T[], text: string): T {
  const found = known.find((one) => one === text);
  if (found !== undefined) return found;
  throw new ClusterError("invalid_request", `--${flag} takes ${known.join(", ")}, got "${text}"`);
}
