// The weights of one component: one .safetensors file, or shards that a *.safetensors.index.json lists.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ClusterError } from "@cogfleet/core";
import { isObject, readable, readJsonObject } from "./disk.js";
import { readSafetensorsHeader, type TensorEntry } from "./safetensors.js";
import { shown } from "./shown.js";
import type { StoredWeightType, WeightRef } from "./weights.js";

const INDEX = ".safetensors.index.json";

// diffusers looks for an index first (models/modeling_utils.py), transformers for a single file (modeling_utils.py).
const USUAL_NAMES = [
  `diffusion_pytorch_model${INDEX}`,
  "diffusion_pytorch_model.safetensors",
  "model.safetensors",
  `model${INDEX}`,
];

const WEIGHT_TYPES: Partial<Record<string, StoredWeightType>> = {
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
};

const FLOAT64_WEIGHT = "patch_embed.pos_embedding";

/**
 * The table of a component's weights, by name in the state dict. Reads headers only. `invalid_checkpoint` names the
 * file, the tensor and what was expected.
 */
export async function readWeightTable(
  folder: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, WeightRef>> {
  const file = await weightsFile(folder);
  if (file.endsWith(INDEX)) return readShards(folder, file, signal);
  return readOne(join(folder, file), signal);
}

async function weightsFile(folder: string): Promise<string> {
  const names = await readable(folder, () => readdir(folder));
  const usual = USUAL_NAMES.find((name) => names.includes(name));
  if (usual !== undefined) return usual;
  // A variant such as diffusion_pytorch_model.fp16.safetensors, if there is no choice.
  const indexes = names.filter((name) => name.endsWith(INDEX));
  const others = indexes.length > 0 ? indexes : names.filter((name) => name.endsWith(".safetensors"));
  if (others.length === 1) return others[0] as string;
  const pickled = names.some((name) => name.endsWith(".bin")) ? " (.bin files are not read)" : "";
  throw new ClusterError(
    "invalid_checkpoint",
    others.length === 0
      ? `${folder} holds no .safetensors weights${pickled}, expected ${USUAL_NAMES[1]} or ${USUAL_NAMES[2]}`
      : `${folder} holds several weights (${others.slice(0, 3).join(", ")}), expected ${USUAL_NAMES[1]} or ${USUAL_NAMES[2]}`,
  );
}

async function readOne(file: string, signal: AbortSignal): Promise<ReadonlyMap<string, WeightRef>> {
  const header = await readSafetensorsHeader(file, signal);
  return new Map([...header.tensors.values()].map((entry) => [entry.name, weightRef(header.file, entry)]));
}

async function readShards(
  folder: string,
  index: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, WeightRef>> {
  const indexFile = join(folder, index);
  const wrong = (problem: string): ClusterError =>
    new ClusterError("invalid_checkpoint", `${indexFile}: ${problem}`);
  const { weight_map: weightMap } = await readJsonObject(indexFile);
  if (!isObject(weightMap)) throw wrong(`weight_map must be an object, got ${shown(weightMap)}`);

  const byShard = new Map<string, string[]>();
  for (const [name, shard] of Object.entries(weightMap)) {
    // A plain file name of this folder: no other path may be read on the word of a downloaded file.
    if (typeof shard !== "string" || !/^[^/\\\0]+\.safetensors$/.test(shard))
      throw wrong(`tensor ${shown(name)} lies in ${shown(shard)}, expected the name of a .safetensors file`);
    const names = byShard.get(shard);
    if (names === undefined) byShard.set(shard, [name]);
    else names.push(name);
  }
  if (byShard.size === 0) throw wrong("weight_map names no tensor");

  const table = new Map<string, WeightRef>();
  for (const [shard, names] of byShard) {
    const header = await readSafetensorsHeader(join(folder, shard), signal);
    for (const name of names) {
      const entry = header.tensors.get(name);
      if (entry === undefined) throw wrong(`tensor ${shown(name)} should lie in ${shard}, but is not there`);
      table.set(name, weightRef(header.file, entry));
    }
    const extra = [...header.tensors.keys()].find((name) => weightMap[name] !== shard);
    if (extra !== undefined)
      throw wrong(`tensor ${shown(extra)} lies in ${shard}, but the index does not say so`);
  }
  return table;
}

function weightRef(file: string, { name, dtype, shape, offset, bytes }: TensorEntry): WeightRef {
  const type = dtype === "F64" && name === FLOAT64_WEIGHT ? "float64" : WEIGHT_TYPES[dtype];
  if (type === undefined)
    throw new ClusterError(
      "invalid_checkpoint",
      `${file}: tensor ${shown(name)} has dtype ${dtype}, expected F32, F16 or BF16`,
    );
  return { name, type, dims: shape, file, offset, bytes };
}
