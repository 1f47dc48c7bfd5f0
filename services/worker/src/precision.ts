import { ClusterError } from "@cogfleet/core";
import type { Inspection, Precision } from "@cogfleet/model";
import type { Device } from "@cogfleet/ort";

export const PRECISIONS = ["auto", "fp32", "fp16", "bf16"] as const;

/**
 * The precision to compute in. "auto": fp32 on CPU, as diffusers there; on a card fp16, or what the 5B family needs
 * instead: bf16, on WebGPU fp32. `unsupported` for fp16 with a checkpoint of the 5B family.
 */
export function choosePrecision(
  choice: (typeof PRECISIONS)[number],
  device: Device,
  model: Pick<Inspection, "refusesFp16"> & { readonly facts: { readonly name: string } },
): Precision {
  if (choice === "fp16" && model.refusesFp16)
    throw new ClusterError(
      "unsupported",
      `--precision fp16 cannot compute ${model.facts.name}: activations of the 5B family overflow fp16 and the video ` +
        "turns black; use bf16 or fp32",
    );
  if (choice !== "auto") return choice;
  if (device.kind === "cpu") return "fp32";
  if (!model.refusesFp16) return "fp16";
  return device.kind === "cuda" ? "bf16" : "fp32";
}
