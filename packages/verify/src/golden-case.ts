// A golden case on disk: case.json and the files beside it. Whatever is wrong with them is an `invalid_request` that
// names the file.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ClusterError } from "@cogfleet/core";
import { readTensors, type StoredTensor } from "@cogfleet/model";
import * as z from "zod";

export const tolerance = z.object({
  atol: z.number().nonnegative(),
  rtol: z.number().nonnegative().default(0),
});

/** The tensors of one file. Those that nobody asks for are remembered: each expectation has to be looked at. */
export interface GoldenTensors {
  readonly names: readonly string[];
  has(name: string): boolean;
  get(name: string): StoredTensor;
  /** Float values, whatever the precision they are stored in. */
  unused(): readonly string[];
}

export interface GoldenCase {
  readonly folder: string;
  /** case.json, parsed but unchecked. */
  readonly json: unknown;
  /** What `schema` makes of case.json. */
  parse<T>(schema: z.ZodType<T>): T;
  path(file: string): string;
  readJson<T>(file: string, schema: z.ZodType<T>): Promise<T>;
  /** Reads a file of inputs. */
  inputs(file: string, signal: AbortSignal): Promise<GoldenTensors>;
  /** Reads a file of expected tensors; `unused` names those that were never asked for. */
  expected(file: string, signal: AbortSignal): Promise<GoldenTensors>;
  /** Expected tensors, with their file, that nothing was compared with. */
  unused(): readonly string[];
}

/** Opens the case in `folder`. */
export async function openGoldenCase(folder: string): Promise<GoldenCase> {
  const path = (file: string): string => join(folder, file);
  const json = await readJsonFile(path("case.json"));
  const expectations: { readonly file: string; readonly tensors: GoldenTensors }[] = [];
  return {
    folder,
    json,
    path,
    parse: (schema) => parseWith(path("case.json"), schema, json),
    readJson: async (file, schema) => parseWith(path(file), schema, await readJsonFile(path(file))),
    inputs: (file, signal) => openTensors(path(file), signal),
    async expected(file, signal) {
      const tensors = await openTensors(path(file), signal);
      expectations.push({ file, tensors });
      return tensors;
    },
    unused: () =>
      expectations.flatMap(({ file, tensors }) => tensors.unused().map((name) => `${name} of ${file}`)),
  };
}

async function openTensors(file: string, signal: AbortSignal): Promise<GoldenTensors> {
  const tensors = await readTensors(file, signal);
  const used = new Set<string>();
  return {
    names: [...tensors.keys()],
    has: (name) => tensors.has(name),
    get(name) {
      const tensor = tensors.get(name);
      if (tensor === undefined) throw new ClusterError("invalid_request", `${file} has no tensor ${name}`);
      used.add(name);
      return tensor;
    },
    unused: () => [...tensors.keys()].filter((name) => !used.has(name)),
  };
}

async function readJsonFile(file: string): Promise<unknown> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    throw new ClusterError("invalid_request", `${file} ${isMissing ? "is missing" : "cannot be read"}`, {
      cause,
    });
  });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ClusterError("invalid_request", `${file} is not JSON`, { cause });
  }
}

function parseWith<T>(file: string, schema: z.ZodType<T>, json: unknown): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues
    .slice(0, 3)
    .map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new ClusterError("invalid_request", `${file}: ${problems.join("; ")}`);
}
