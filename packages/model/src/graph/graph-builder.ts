import type { WeightRef, WeightType } from "../checkpoint/weights.js";
import { type ElementType, elements, type Graph, type GraphPort, type Precision } from "../session.js";
import { ATTRIBUTE, DATA_TYPE, ModelProto, valueInfo } from "./onnx-schema.js";

/** The name of a value inside a graph. */
export type Value = string & { readonly value: unique symbol };

export type Attribute = number | string | readonly number[] | { readonly float: number };

const EXTERNAL = 1; // onnx.TensorProto.DataLocation

const OPSET = 21; // GroupNormalization and bfloat16 Gemm have their final form from here on
const IR_VERSION = 10;

const COMPUTE_TYPE = { fp32: "float32", fp16: "float16", bf16: "bfloat16" } as const;

/**
 * Writes one ONNX graph, node by node. Weights stay where they are: an initializer is a pointer into the
 * .safetensors file, and a cast where the file's type is not the type computed in (ONNX Runtime folds it at load).
 */
export class GraphBuilder {
  readonly name: string;
  /** Element type of weights, activations and float constants. */
  readonly computeType: WeightType;
  readonly #nodes: object[] = [];
  readonly #initializers: object[] = [];
  readonly #inputs: GraphPort[] = [];
  readonly #outputs: GraphPort[] = [];
  readonly #weights = new Map<string, Value>();
  readonly #constants = new Map<string, Value>();
  #scope = "";
  #count = 0;

  constructor(name: string, precision: Precision) {
    this.name = name;
    this.computeType = COMPUTE_TYPE[precision];
  }

  /** Names of nodes made inside `body` start with `scope`: what a profile or an error shows. */
  in<T>(scope: string, body: () => T): T {
    const outer = this.#scope;
    this.#scope = outer === "" ? scope : `${outer}.${scope}`;
    try {
      return body();
    } finally {
      this.#scope = outer;
    }
  }

  /** A dimension is a number, or a name where it differs from run to run. */
  input(name: string, dims: readonly (number | string)[], type: ElementType = this.computeType): Value {
    this.#inputs.push({ name, type, dims });
    return name as Value;
  }

  output(
    name: string,
    value: Value,
    dims: readonly (number | string)[],
    type: ElementType = this.computeType,
  ): void {
    this.#nodes.push({ name, opType: "Identity", input: [value], output: [name] });
    this.#outputs.push({ name, type, dims });
  }

  /** One node with one output. An input that is left out is `undefined`. */
  node(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = "",
  ): Value {
    return this.nodes(opType, inputs, 1, attributes, domain)[0] as Value;
  }

  /** One node with several outputs. */
  nodes(
    opType: string,
    inputs: readonly (Value | undefined)[],
    outputCount: number,
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = "",
  ): Value[] {
    const name = this.#fresh(opType);
    const outputs = Array.from({ length: outputCount }, (_, i) => (i === 0 ? name : `${name}:${i}`) as Value);
    this.#nodes.push({
      name,
      opType,
      domain,
      input: inputs.map((input) => input ?? ""),
      output: outputs,
      attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
    });
    return outputs;
  }

  /** A weight of the checkpoint in the type computed in; `dims` reads the same bytes under another shape. */
  weight(ref: WeightRef, dims: readonly number[] = ref.dims): Value {
    const stored = this.storedWeight(ref, dims);
    if (ref.type === this.computeType) return stored;
    const key = `${stored}.cast`;
    const known = this.#weights.get(key);
    if (known !== undefined) return known;
    const cast = this.node("Cast", [stored], { to: DATA_TYPE[this.computeType] });
    this.#weights.set(key, cast);
    return cast;
  }

  /** A weight in the type it is stored in. */
  storedWeight(ref: WeightRef, dims: readonly number[] = ref.dims): Value {
    const key = `${ref.name}[${dims.join(",")}]`;
    const known = this.#weights.get(key);
    if (known !== undefined) return known;
    this.#weights.set(key, key as Value);
    this.#initializers.push({
      name: key,
      dims,
      dataType: DATA_TYPE[ref.type],
      dataLocation: EXTERNAL,
      externalData: [
        { key: "location", value: ref.file.replace(/^\//, "") },
        { key: "offset", value: String(ref.offset) },
        { key: "length", value: String(ref.bytes) },
      ],
    });
    return key as Value;
  }

  cast(value: Value, type: ElementType): Value {
    return this.node("Cast", [value], { to: DATA_TYPE[type] });
  }

  /** A constant in the type computed in, or in `type`, from float32 numbers. */
  floats(
    values: readonly number[] | Float32Array,
    dims: readonly number[],
    type: WeightType = this.computeType,
  ): Value {
    const data = Float32Array.from(values);
    const constant = this.#constant("float32", data, dims);
    return type === "float32" ? constant : this.cast(constant, type);
  }

  scalar(value: number, type: WeightType = this.computeType): Value {
    return this.floats([value], [], type);
  }

  /** An int64 constant: a shape, axes, a permutation. */
  ints(values: readonly number[]): Value {
    return this.#constant("int64", BigInt64Array.from(values, BigInt), [values.length]);
  }

  build(): Graph {
    const model = ModelProto.encode({
      irVersion: IR_VERSION,
      producerName: "cogfleet",
      opsetImport: [
        { domain: "", version: OPSET },
        { domain: "com.microsoft", version: 1 },
      ],
      graph: {
        name: this.name,
        node: this.#nodes,
        initializer: this.#initializers,
        input: this.#inputs.map(valueInfo),
        output: this.#outputs.map(valueInfo),
      },
    }).finish();
    return { name: this.name, model, inputs: this.#inputs, outputs: this.#outputs };
  }

  #constant(type: "float32" | "int64", data: Float32Array | BigInt64Array, dims: readonly number[]): Value {
    if (data.length !== elements(dims))
      throw new RangeError(`${data.length} values for [${dims.join(", ")}]`);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const key = bytes.length <= 64 ? `${type}[${dims.join(",")}]=${data.join(",")}` : this.#fresh("Constant");
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    this.#constants.set(key, key as Value);
    this.#initializers.push({ name: key, dims, dataType: DATA_TYPE[type], rawData: bytes });
    return key as Value;
  }

  #fresh(opType: string): string {
    this.#count += 1;
    return `${this.#scope === "" ? "" : `${this.#scope}.`}${opType}_${this.#count}`;
  }
}

function attribute(name: string, value: Attribute): object {
  if (typeof value === "string") return { name, type: ATTRIBUTE.string, s: new TextEncoder().encode(value) };
  if (typeof value === "number") return { name, type: ATTRIBUTE.int, i: value };
  if (Array.isArray(value)) return { name, type: ATTRIBUTE.ints, ints: value };
  return { name, type: ATTRIBUTE.float, f: (value as { readonly float: number }).float };
}
