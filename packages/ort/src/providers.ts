import type { InferenceSession } from "onnxruntime-node";
import type { Device } from "./device.js";

/** Execution providers of a session, first choice first. What a card has no kernel for runs on the CPU. */
export function providersOf(device: Device): readonly InferenceSession.ExecutionProviderConfig[] {
  switch (device.kind) {
    case "cpu":
      return ["cpu"];
    case "cuda":
      return [{ name: "cuda", deviceId: device.index }, "cpu"];
    case "webgpu":
      return ["webgpu", "cpu"];
  }
}
