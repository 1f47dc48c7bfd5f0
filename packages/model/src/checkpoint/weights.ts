import { ClusterError } from "@cogfleet/core";

/** Element types that weights are computed in, and stored in but for one. */
export type WeightType = "float32" | "float16" | "bfloat16";

/** Learned positions are stored in float64 by diffusers (`patch_embed.pos_embedding`), and nothing else is. */
export type StoredWeightType = WeightType | "float64";

/** Where one weight lies: a run of bytes in a .safetensors file, row-major, little-endian. */
export interface WeightRef {
  readonly name: string;
  readonly type: StoredWeightType;
  readonly dims: readonly number[];
  /** Absolute path, symbolic links resolved. */
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}

/** The weights of one component (transformer, vae, text_encoder), by their name in the state dict. */
export interface Weights {
  /** The weight, once its shape is checked. `invalid_checkpoint`, naming component, tensor and shapes, if it is not so. */
  get(name: string, dims: readonly number[]): WeightRef;
  has(name: string): boolean;
  /** `invalid_checkpoint` if the component holds weights that no graph asked for, save those `ignored` accepts. */
  requireAllUsed(ignored?: (name: string) => boolean): void;
}

/** Weights over a table that has been read and checked. `source` names the component's folder in errors. */
export function weightsOf(source: string, table: ReadonlyMap<string, WeightRef>): Weights {
  const used = new Set<string>();
  return {
    get(name, dims) {
      const ref = table.get(name);
      if (ref === undefined)
        throw new ClusterError(
          "invalid_checkpoint",
          `${source}: tensor ${name} [${dims.join(", ")}] is missing`,
        );
      if (ref.dims.length !== dims.length || ref.dims.some((dim, i) => dim !== dims[i]))
        throw new ClusterError(
          "invalid_checkpoint",
          `${source}: tensor ${name} in ${ref.file} has shape [${ref.dims.join(", ")}], the config asks for [${dims.join(", ")}]`,
        );
      used.add(name);
      return ref;
    },
    has: (name) => table.has(name),
    requireAllUsed(ignored = () => false) {
      const extra = [...table.keys()].filter((name) => !used.has(name) && !ignored(name));
      if (extra.length > 0)
        throw new ClusterError(
          "invalid_checkpoint",
          `${source}: ${extra.length} tensors that the config does not ask for, such as ${extra.slice(0, 3).join(", ")}`,
        );
    },
  };
}
