import type { ErrorCode } from "@cogfleet/core";
import type { Graph, Tensor } from "@cogfleet/model";
import type { RuntimeOptions } from "./device.js";

/** A tensor that stays where it was computed, until a run takes it. */
export type KeptAs = Pick<Tensor, "type" | "dims"> & { readonly kept: number };

/** To the thread or process that computes. The first request is `start`; requests are answered in order. */
export type ComputeRequest =
  | { readonly kind: "start"; readonly id: number; readonly options: RuntimeOptions }
  | { readonly kind: "open"; readonly id: number; readonly session: number; readonly graph: Graph }
  | {
      readonly kind: "run";
      readonly id: number;
      readonly session: number;
      readonly inputs: Readonly<Record<string, Tensor | KeptAs>>;
      /** Outputs that stay. */
      readonly keep: readonly string[];
    }
  | { readonly kind: "forget"; readonly id: number; readonly kept: number }
  | { readonly kind: "close"; readonly id: number; readonly session: number };

/** The answer to the request with the same id. */
export type ComputeReply =
  | {
      readonly kind: "done";
      readonly id: number;
      readonly outputs: Readonly<Record<string, Tensor | KeptAs>>;
    }
  | { readonly kind: "failed"; readonly id: number; readonly code: ErrorCode; readonly message: string };
