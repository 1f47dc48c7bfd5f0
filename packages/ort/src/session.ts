import { ClusterError, type ErrorCode } from "@cogfleet/core";
import type { ElementType, Graph, Tensor, TensorData } from "@cogfleet/model";
import * as ort from "onnxruntime-node";
import { deviceName, type RuntimeOptions } from "./device.js";
import { reasonOf } from "./device-check.js";
import { providersOf } from "./providers.js";

/** A graph loaded in this thread. Runs block the thread. */
export interface LoadedGraph {
  run(inputs: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>;
  release(): Promise<void>;
}

/** Loads a graph with ONNX Runtime. Weights are mapped from where the graph says they lie. */
export async function loadGraph(graph: Graph, options: RuntimeOptions): Promise<LoadedGraph> {
  const session = await ort.InferenceSession.create(graph.model, sessionOptions(options)).catch(
    (cause: unknown) => {
      const reason = reasonOf(cause);
      const code = codeOf(reason);
      const where =
        code === "unsupported"
          ? ` (to compute in ${options.precision} on ${deviceName(options.device)})`
          : "";
      throw new ClusterError(code, `loading ${graph.name}${where} failed: ${reason}`, { cause });
    },
  );
  return {
    async run(inputs) {
      const feeds = Object.fromEntries(Object.entries(inputs).map(([name, t]) => [name, toOrt(t)]));
      const outputs = await session.run(feeds).catch((cause: unknown) => {
        const reason = reasonOf(cause);
        const got = Object.entries(inputs).map(([name, tensor]) => `${name}[${tensor.dims.join("x")}]`);
        throw new ClusterError(codeOf(reason), `${graph.name} failed on ${got.join(" ")}: ${reason}`, {
          cause,
        });
      });
      return Object.fromEntries(Object.entries(outputs).map(([name, t]) => [name, fromOrt(name, t)]));
    },
    release: () => session.release(),
  };
}

function sessionOptions(options: RuntimeOptions): ort.InferenceSession.SessionOptions {
  const { device, threads, spin } = options;
  return {
    executionProviders: providersOf(device),
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    // Sizes differ from run to run: patterns keep one block for each size, and cost 150 MB at 3,000 tokens (docs/log.md).
    enableMemPattern: false,
    logSeverityLevel: 4, // errors come back as exceptions
    extra: {
      session: {
        model_external_initializers_file_folder_path: "/",
        // Packing copies every matrix, for less than 1 % of a step's time (docs/log.md). Without it float32 weights stay
        // in the file's pages, which all workers of a machine share, and loading takes no time.
        disable_prepacking: device.kind === "cpu" ? "1" : "0",
        // Folded weights come straight from the system, so what is freed is given back.
        use_device_allocator_for_initializers: "1",
        intra_op: { allow_spinning: spin ? "1" : "0" },
      },
    },
  };
}

// Errors of CUDA after which every call of the process fails, of the driver or of a context that is spoilt: no device,
// uncorrectable memory or NVLink, a kernel that was lost (cudaError_t in driver_types.h).
const DEVICE_LOST = /CUDA failure (?:46|100|214|220|700|702|709|71[04-9]|999)\b/i;

/** What ONNX Runtime's message means for the caller; anything not known is a bug of ours. */
export function codeOf(reason: string): ErrorCode {
  if (DEVICE_LOST.test(reason)) return "worker_lost"; // only another process may have the device again
  if (/bad_alloc|out of memory|failed to allocate|CUDA failure 2\b|Available memory of/i.test(reason))
    return "out_of_memory";
  if (/external (data|initializer)|ExternalData|open file|mmap/i.test(reason)) return "invalid_checkpoint";
  if (/NOT_IMPLEMENTED|could not find an implementation/i.test(reason)) return "unsupported";
  return "internal";
}

function toOrt(tensor: Tensor): ort.Tensor {
  switch (tensor.type) {
    case "float32":
      return new ort.Tensor("float32", tensor.data, tensor.dims);
    case "float16": {
      const half = new ort.Tensor("float16", tensor.data, tensor.dims);
      // Where JavaScript has a Float16Array (Node 24) it becomes one, which the native side reads as empty.
      return Object.defineProperty(half, "data", { value: tensor.data });
    }
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
  const { buffer, byteOffset, length } = tensor.data as Exclude<ort.Tensor["data"], string[]>;
  // Outputs come as a Float16Array there: the port carries their bits.
  if (tensor.type === "float16")
    return { dims: tensor.dims, type: "float16", data: new Uint16Array(buffer, byteOffset, length) };
  const typed = { type: tensor.type, data: tensor.data } as TensorData;
  return { dims: tensor.dims, ...typed };
}
