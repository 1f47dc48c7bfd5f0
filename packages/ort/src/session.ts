import { ClusterError } from "@cogfleet/core";
import type { ElementType, Graph, Tensor, TensorData } from "@cogfleet/model";
import * as ort from "onnxruntime-node";
import type { RuntimeOptions } from "./device.js";

/** A graph loaded in this thread. Runs block the thread. */
export interface LoadedGraph {
  run(inputs: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>;
  release(): Promise<void>;
}

/** Loads a graph with ONNX Runtime. Weights are mapped from where the graph says they lie. */
export async function loadGraph(graph: Graph, options: RuntimeOptions): Promise<LoadedGraph> {
  const session = await ort.InferenceSession.create(graph.model, sessionOptions(options)).catch(
    (cause: unknown) => {
      throw loadError(graph.name, cause);
    },
  );
  return {
    async run(inputs) {
      const feeds = Object.fromEntries(Object.entries(inputs).map(([name, t]) => [name, toOrt(t)]));
      const outputs = await session.run(feeds).catch((cause: unknown) => {
        throw runError(graph.name, inputs, cause);
      });
      return Object.fromEntries(Object.entries(outputs).map(([name, t]) => [name, fromOrt(name, t)]));
    },
    release: () => session.release(),
  };
}

function sessionOptions(options: RuntimeOptions): ort.InferenceSession.SessionOptions {
  const { device, threads, spin } = options;
  return {
    executionProviders: [
      device.kind === "cuda" ? { name: "cuda", deviceId: device.index } : device.kind,
      ...(device.kind === "cpu" ? [] : ["cpu"]),
    ],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    extra: {
      session: {
        model_external_initializers_file_folder_path: "/",
        // Folded and packed weights come straight from the system, so what is freed after packing is given back.
        use_device_allocator_for_initializers: "1",
        intra_op: { allow_spinning: spin ? "1" : "0" },
      },
    },
  };
}

function toOrt(tensor: Tensor): ort.Tensor {
  switch (tensor.type) {
    case "float32":
      return new ort.Tensor("float32", tensor.data, tensor.dims);
    case "float16":
      return new ort.Tensor("float16", tensor.data, tensor.dims);
    case "int64":
      return new ort.Tensor("int64", tensor.data, tensor.dims);
    case "int32":
      return new ort.Tensor("int32", tensor.data, tensor.dims);
    case "bfloat16":
      throw new ClusterError(
        "unsupported",
        "onnxruntime-node takes no bfloat16 tensors: cast inside the graph",
      );
  }
}

const OURS = new Set<string>(["float32", "float16", "int64", "int32"] satisfies ElementType[]);

function fromOrt(name: string, tensor: ort.Tensor): Tensor {
  if (!OURS.has(tensor.type))
    throw new ClusterError(
      "internal",
      `output ${name} has type ${tensor.type}, which has no place in a Tensor`,
    );
  const typed = { type: tensor.type, data: tensor.data } as TensorData;
  return { dims: tensor.dims, ...typed };
}

function loadError(graph: string, cause: unknown): ClusterError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const code = /bad_alloc|out of memory|failed to allocate/i.test(reason) ? "out_of_memory" : "internal";
  return new ClusterError(code, `loading ${graph} failed: ${reason}`, { cause });
}

function runError(graph: string, inputs: Readonly<Record<string, Tensor>>, cause: unknown): ClusterError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const code = /bad_alloc|out of memory|failed to allocate/i.test(reason) ? "out_of_memory" : "internal";
  const got = Object.entries(inputs).map(([name, tensor]) => `${name}[${tensor.dims.join("x")}]`);
  return new ClusterError(code, `${graph} failed on ${got.join(" ")}: ${reason}`, { cause });
}
