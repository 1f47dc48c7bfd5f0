// The port through which the arithmetic runs. `@cogfleet/ort` implements it with ONNX Runtime.
import { ClusterError } from "@cogfleet/core";

/** Element types that cross the port. float16 and bfloat16 travel as their raw 16 bits. */
export type TensorData =
  | { readonly type: "float32"; readonly data: Float32Array }
  | { readonly type: "float16" | "bfloat16"; readonly data: Uint16Array }
  | { readonly type: "int64"; readonly data: BigInt64Array }
  | { readonly type: "int32"; readonly data: Int32Array };

/** A dense tensor, row-major. `data` holds exactly the product of `dims` elements. */
export type Tensor = { readonly dims: readonly number[] } & TensorData;

export type ElementType = TensorData["type"];

export interface GraphPort {
  readonly name: string;
  readonly type: ElementType;
  /** A number, or the name of a dimension that differs from run to run. */
  readonly dims: readonly (number | string)[];
}

/**
 * A computation to run: an ONNX ModelProto whose weights are external data. Their `location` is an absolute
 * path without its leading "/", to be looked up under the root folder: nothing is copied or converted.
 */
export interface Graph {
  /** For logs and errors, such as "transformer" or "vae.decoder.next". */
  readonly name: string;
  readonly model: Uint8Array;
  readonly inputs: readonly GraphPort[];
  readonly outputs: readonly GraphPort[];
}

/** An output that stayed where it was computed. The next run that is given it takes it, in the same runtime. */
export interface KeptTensor {
  readonly type: ElementType;
  readonly dims: readonly number[];
  /** Gives its memory back if no run has taken it. */
  forget(): void;
}

export type Given = Tensor | KeptTensor;

/** Forgets those of a run's outputs that are kept and that no run has taken. */
export function forgetKept(outputs: Readonly<Record<string, Given>>): void {
  for (const output of Object.values(outputs)) if ("forget" in output) output.forget();
}

/** A loaded graph. */
export interface Session {
  /**
   * Runs the graph once. Ownership of the inputs' buffers passes to the session when `transfer` names them: they are
   * detached for the caller. The outputs belong to the caller. The signal is honoured before and after a run:
   * a run that has started cannot be stopped.
   */
  run(
    inputs: Readonly<Record<string, Given>>,
    signal: AbortSignal,
    options?: { readonly transfer?: readonly string[] },
  ): Promise<Readonly<Record<string, Tensor>>>;
  /** As `run`; the outputs that `keep` names do not leave the runtime: for what only the next run will read. */
  runKeeping(
    inputs: Readonly<Record<string, Given>>,
    signal: AbortSignal,
    options: { readonly transfer?: readonly string[]; readonly keep: readonly string[] },
  ): Promise<Readonly<Record<string, Given>>>;
  /** Gives the memory back as far as the runtime can. Idempotent. */
  close(): Promise<void>;
}

/** Where graphs are loaded: a device with its threads. */
export interface Runtime {
  /** Whether what a run takes and gives crosses to a card: one large graph is then better than runs that hand on much. */
  readonly isFar?: boolean | undefined;
  /** Loads a graph. Fails with `out_of_memory`, `unsupported` or `internal`, naming the graph. */
  open(graph: Graph, signal: AbortSignal): Promise<Session>;
  /**
   * Loads graphs of which one runs at a time, in the order given: together they hold the memory that the largest needs
   * for a run, where each alone would keep its own. All are closed before any of it is given back.
   */
  openTogether(name: string, graphs: readonly Graph[], signal: AbortSignal): Promise<readonly Session[]>;
  /** Ends the runtime and every session of it. Idempotent. */
  close(): Promise<void>;
}

/** Numbers computed in: weights of other types are cast to it when a graph is loaded. */
export type Precision = "fp32" | "fp16" | "bf16";

export function elements(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** A wrong shape found here names the input; found inside a run it would name a node. */
export function requireInputs(graph: Graph, inputs: Readonly<Record<string, Given>>): void {
  for (const { name, type, dims } of graph.inputs) {
    const given = inputs[name];
    if (given === undefined)
      throw new ClusterError("tensor_mismatch", `${graph.name}: input ${name} is missing`);
    const values = "data" in given ? given.data.length : elements(given.dims);
    const fits =
      given.type === type &&
      given.dims.length === dims.length &&
      dims.every((dim, i) => typeof dim === "string" || dim === given.dims[i]) &&
      values === elements(given.dims);
    if (!fits)
      throw new ClusterError(
        "tensor_mismatch",
        `${graph.name}: input ${name} is ${given.type} [${given.dims.join(", ")}] of ${values} values, expected ${type} [${dims.join(", ")}]`,
      );
  }
  const known = new Set(graph.inputs.map((port) => port.name));
  const extra = Object.keys(inputs).filter((name) => !known.has(name));
  if (extra.length > 0)
    throw new ClusterError("tensor_mismatch", `${graph.name} has no input ${extra.join(", ")}`);
}
