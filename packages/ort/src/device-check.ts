import { ClusterError } from "@cogfleet/core";
import { GraphBuilder } from "@cogfleet/model";
import * as ort from "onnxruntime-node";
import { libraryLookup, missingCudaLibrary } from "./cuda-libraries.js";
import { deviceName, type RuntimeOptions } from "./device.js";
import { providersOf } from "./providers.js";

const NAMES = { cpu: "CPU", cuda: "CUDA", webgpu: "WebGPU" } as const;
const HINTS = {
  cpu: "",
  cuda: "; it needs ONNX Runtime's CUDA provider, CUDA 13, cuDNN 9 and an NVIDIA driver: scripts/install-cuda.sh, docs/gpu.md",
  webgpu: "; it needs a graphics card with a Vulkan, Metal or Direct3D 12 driver",
} as const;

/**
 * Makes sure that this build of ONNX Runtime computes on the device, by a graph of one addition: a listed
 * backend may still lack its libraries or its card. `unsupported` says what is missing, once, at start.
 */
export async function requireDevice({ device }: Pick<RuntimeOptions, "device">): Promise<void> {
  ort.env.logLevel = "fatal"; // what goes wrong comes back as an error; its log lines would repeat it
  const name = NAMES[device.kind];
  const listed = ort.listSupportedBackends().some((backend) => backend.name === device.kind);
  if (!listed)
    throw new ClusterError(
      "unsupported",
      `this build of ONNX Runtime has no ${name} provider on this platform`,
    );
  try {
    const session = await ort.InferenceSession.create(probe().model, {
      executionProviders: providersOf(device),
      intraOpNumThreads: 1,
      logSeverityLevel: 4,
    });
    const { sum } = await session.run({ x: new ort.Tensor("float32", Float32Array.of(1, 2), [2]) });
    await session.release();
    if (sum?.data[1] !== 4) throw new Error(`1 + 1 and 2 + 2 gave ${String(sum?.data)}`);
  } catch (cause) {
    const reason =
      (device.kind === "cuda" ? missingCudaLibrary(libraryLookup()) : undefined) ?? reasonOf(cause);
    throw new ClusterError(
      "unsupported",
      `this build of ONNX Runtime has no ${name} provider that works here (device ${deviceName(device)}): ${reason}${HINTS[device.kind]}`,
      { cause },
    );
  }
}

function probe(): ReturnType<GraphBuilder["build"]> {
  const graph = new GraphBuilder("device.probe", "fp32");
  const x = graph.input("x", [2]);
  graph.output("sum", graph.node("Add", [x, x]), [2]);
  return graph.build();
}

/** ONNX Runtime's message on one line, without the source files and conditions that it stands for. */
export function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text
    .replace(/\/\S*onnxruntime_src\/\S+:\d+ /g, "")
    .replace(/\s+/g, " ")
    .replace(/^.* was false\. /, "")
    .trim();
}
