import { ClusterError } from "@cogfleet/core";
import type { Given, KeptTensor, Tensor } from "@cogfleet/model";
import type { KeptAs } from "./compute-messages.js";

/** The tensors that are kept on the far side of a runtime. */
export class KeptTensors {
  readonly #numbers = new Map<KeptTensor, number>();
  readonly #forget: (kept: number) => void;

  /** @param forget tells the far side */
  constructor(forget: (kept: number) => void) {
    this.#forget = forget;
  }

  /** What the far side is told to take; `internal` for a tensor that was taken before, or kept elsewhere. */
  take(inputs: Readonly<Record<string, Given>>): Readonly<Record<string, Tensor | KeptAs>> {
    const entries = Object.entries(inputs).map(([name, given]): [string, Tensor | KeptAs] => {
      if ("data" in given) return [name, given];
      const kept = this.#numbers.get(given);
      if (kept === undefined) throw new ClusterError("internal", `input ${name} is not kept here any more`);
      this.#numbers.delete(given);
      return [name, { type: given.type, dims: given.dims, kept }];
    });
    return Object.fromEntries(entries);
  }

  /** What the far side gave. */
  give(outputs: Readonly<Record<string, Tensor | KeptAs>>): Readonly<Record<string, Given>> {
    const entries = Object.entries(outputs).map(([name, output]): [string, Given] => [
      name,
      "data" in output ? output : this.#kept(output),
    ]);
    return Object.fromEntries(entries);
  }

  #kept({ type, dims, kept }: KeptAs): KeptTensor {
    const tensor: KeptTensor = {
      type,
      dims,
      forget: () => {
        if (this.#numbers.delete(tensor)) this.#forget(kept);
      },
    };
    this.#numbers.set(tensor, kept);
    return tensor;
  }
}
