// Several graphs as one that computes whichever of them a run asks for.
import {
  type ElementType,
  elements,
  type Given,
  type Graph,
  type GraphPort,
  type Tensor,
  type TensorData,
} from "../session.js";
import {
  ATTRIBUTE,
  DATA_TYPE,
  type GraphBody,
  ModelProto,
  type NodeProto,
  valueInfo,
} from "./onnx-schema.js";

type Givens = Readonly<Record<string, Given>>;

export interface Alternatives {
  readonly graph: Graph;
  /** What `graph` takes for the inputs of alternative `i`, which are all there. */
  inputsOf(i: number, own: Givens): Givens;
  /** The outputs of alternative `i` among those of `graph`. */
  outputsOf(i: number, all: Givens): Givens;
  /** What the ports of alternative `i` are called in `graph`. */
  inputNames(i: number, own: readonly string[]): readonly string[];
  outputNames(i: number, own: readonly string[]): readonly string[];
}

/** Number of the alternative to compute. */
const CHOICE: GraphPort = { name: "choice", type: "int64", dims: [1] };

/**
 * `graphs` as the branches of a tree of If nodes, each computed as it is by itself. Ports of the same type and dimensions
 * are one port for all graphs.
 */
export function alternatives(name: string, graphs: readonly Graph[]): Alternatives {
  const models = graphs.map(({ model }) => ModelProto.decode(model) as unknown as { graph: GraphBody });
  const inputs = sharePorts(
    "in",
    graphs.map((graph) => graph.inputs),
  );
  const outputs = sharePorts(
    "out",
    graphs.map((graph) => graph.outputs),
  );
  const branches = models.map((model, i) => {
    const names = { inputs: inputs.names[i] as PortNames, outputs: outputs.names[i] as PortNames };
    return branchOf(model.graph, `${i}:${graphs[i]?.name}`, names, outputs.ports);
  });
  const { node, initializer, values } = choose(branches, 0, outputs.ports);
  const graph = {
    name,
    node: [...node, ...outputs.ports.map((port, i) => identity(values[i] as string, port.name))],
    initializer,
    input: [CHOICE, ...inputs.ports].map(valueInfo),
    output: outputs.ports.map(valueInfo),
  };
  const idle = Object.fromEntries(inputs.ports.map((port) => [port.name, idleTensor(port)]));
  return {
    graph: {
      name,
      model: ModelProto.encode({ ...models[0], graph }).finish(),
      inputs: [CHOICE, ...inputs.ports],
      outputs: outputs.ports,
    },
    inputsOf(i, own) {
      const given = [...(inputs.names[i] as PortNames)].map(([input, shared]) => [
        shared,
        own[input] as Given,
      ]);
      return { ...idle, [CHOICE.name]: number(i), ...Object.fromEntries(given) };
    },
    outputsOf(i, all) {
      const own = [...(outputs.names[i] as PortNames)].map(([output, shared]) => [
        output,
        all[shared] as Given,
      ]);
      return Object.fromEntries(own);
    },
    inputNames: (i, own) => own.map((input) => inputs.names[i]?.get(input) ?? input),
    outputNames: (i, own) => own.map((output) => outputs.names[i]?.get(output) ?? output),
  };
}

/** What each port of a graph is called among all. */
type PortNames = ReadonlyMap<string, string>;

interface SharedPorts {
  /** Of each graph. */
  readonly names: readonly PortNames[];
  readonly ports: readonly GraphPort[];
}

/** The first port of a kind in one graph is the first of that kind in every other. */
function sharePorts(side: string, portsOfGraphs: readonly (readonly GraphPort[])[]): SharedPorts {
  const ports = new Map<string, GraphPort>();
  const names = portsOfGraphs.map((own) => {
    const ofKind = new Map<string, number>();
    return new Map(
      own.map((port) => {
        const kind = `${side}.${port.type}[${port.dims.join()}]`;
        const before = ofKind.get(kind) ?? 0;
        ofKind.set(kind, before + 1);
        const name = `${kind}.${before}`;
        ports.set(name, { ...port, name });
        return [port.name, name];
      }),
    );
  });
  return { names, ports: [...ports.values()] };
}

/** The body of a graph inside another. */
interface Branch extends GraphBody {
  /** What it gives for each of the outputs of all. */
  readonly values: readonly string[];
}

function branchOf(
  { node, initializer }: GraphBody,
  scope: string,
  { inputs, outputs }: Readonly<Record<"inputs" | "outputs", PortNames>>,
  allOutputs: readonly GraphPort[],
): Branch {
  // Inside, the names outside are known as well: all others get names of their own.
  const scoped = (value: string): string => (value === "" ? "" : (inputs.get(value) ?? `${scope}/${value}`));
  const own = new Map([...outputs].map(([output, shared]) => [shared, scoped(output)]));
  const lacking = allOutputs.filter(({ name }) => !own.has(name));
  const idle = (port: GraphPort): string => `${scope}/idle/${port.name}`;
  return {
    node: [
      ...node.map((each) => ({
        ...each,
        name: `${scope}/${each.name}`,
        input: each.input.map(scoped),
        output: each.output.map(scoped),
      })),
      ...lacking.map((port) => identity(idle(port), `${scope}/${port.name}`)),
    ],
    initializer: [
      ...initializer.map((each) => ({ ...each, name: scoped(each.name) })),
      ...lacking.map((port) => constant(idle(port), idleTensor(port))),
    ],
    values: allOutputs.map(({ name }) => own.get(name) ?? `${scope}/${name}`),
  };
}

/** The branch that `CHOICE` asks for; the first of `branches` has the number `first`. */
function choose(branches: readonly Branch[], first: number, outputs: readonly GraphPort[]): Branch {
  const [only] = branches;
  if (only !== undefined && branches.length === 1) return only;
  const half = branches.length >> 1;
  const scope = `${first}-${first + branches.length - 1}`;
  const bound = `${scope}/${first + half}`;
  const isBelow = `${scope}/is_below`;
  const values = outputs.map(({ name }) => `${scope}/${name}`);
  const inner = (name: string, { node, initializer, values: given }: Branch): object => ({
    name,
    type: ATTRIBUTE.graph,
    g: {
      name: `${scope}/${name}`,
      node,
      initializer,
      output: outputs.map((port, i) => valueInfo({ ...port, name: given[i] as string })),
    },
  });
  return {
    node: [
      { name: isBelow, opType: "Less", input: [CHOICE.name, bound], output: [isBelow] },
      {
        name: `${scope}/if`,
        opType: "If",
        input: [isBelow],
        output: values,
        attribute: [
          inner("then_branch", choose(branches.slice(0, half), first, outputs)),
          inner("else_branch", choose(branches.slice(half), first + half, outputs)),
        ],
      },
    ],
    initializer: [constant(bound, number(first + half))],
    values,
  };
}

/** int64 [1] */
function number(value: number): Tensor {
  return { type: "int64", data: BigInt64Array.of(BigInt(value)), dims: [1] };
}

function identity(input: string, output: string): NodeProto {
  return { name: output, opType: "Identity", input: [input], output: [output] };
}

const NUMBERS = {
  float32: (count) => ({ type: "float32", data: new Float32Array(count) }),
  float16: (count) => ({ type: "float16", data: new Uint16Array(count) }),
  bfloat16: (count) => ({ type: "bfloat16", data: new Uint16Array(count) }),
  int64: (count) => ({ type: "int64", data: new BigInt64Array(count) }),
  int32: (count) => ({ type: "int32", data: new Int32Array(count) }),
} satisfies { readonly [type in ElementType]: (count: number) => TensorData };

/** What goes through a port of other alternatives: nothing where a dimension is named, or else zeros. */
function idleTensor({ type, dims }: GraphPort): Tensor {
  const least = dims.map((dim) => (typeof dim === "number" ? dim : 0));
  return { dims: least, ...NUMBERS[type](elements(least)) };
}

function constant(name: string, { type, dims, data }: Tensor): GraphBody["initializer"][number] {
  const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, dims, dataType: DATA_TYPE[type], rawData };
}
