// The state of a job between two steps as a .safetensors file: what a step needs to go on elsewhere, bit for bit.
import { ClusterError } from "@cogfleet/core";
import { type DenoiseState, type StoredTensor, writeSafetensors } from "@cogfleet/model";
import * as z from "zod";

const MAX_HEADER_BYTES = 64 * 1024;

const tensor = z.object({
  dtype: z.enum(["F32", "F64", "U32"]),
  data_offsets: z.tuple([z.number().int().nonnegative(), z.number().int().nonnegative()]),
});
const state = z.object({ step: z.number().int().nonnegative(), generators: z.array(z.number().int()) });
const header = z.object({ __metadata__: z.object({ state: z.string() }) }).catchall(z.unknown());

/** The file of a state. */
export function writeCheckpoint({
  step,
  latents,
  solver,
  generators,
}: DenoiseState): Uint8Array<ArrayBuffer> {
  const tensors: Record<string, StoredTensor> = {
    latents: { dtype: "F32", shape: [latents.length], data: latents },
  };
  const { previousX0 } = solver;
  if (previousX0 !== undefined)
    tensors["previous_x0"] = { dtype: "F32", shape: [previousX0.length], data: previousX0.slice() };
  for (const [i, { words, nextNormal }] of generators.entries()) {
    tensors[`generator.${i}.words`] = { dtype: "U32", shape: [words.length], data: words.slice() };
    if (nextNormal === undefined) continue;
    tensors[`generator.${i}.normal`] = { dtype: "F64", shape: [1], data: Float64Array.of(nextNormal) };
  }
  const indices = generators.map(({ index }) => index);
  return writeSafetensors(tensors, { state: JSON.stringify({ step, generators: indices }) });
}

/** The state of a file that `writeCheckpoint` made. Throws `data_loss` for any other. */
export function readCheckpoint(file: Uint8Array): DenoiseState {
  try {
    const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
    const headerBytes = Number(view.getBigUint64(0, true));
    if (headerBytes > MAX_HEADER_BYTES) throw new RangeError(`a header of ${headerBytes} bytes`);
    const entries = header.parse(JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + headerBytes))));
    const { step, generators } = state.parse(JSON.parse(entries.__metadata__.state));
    const bytesOf = (name: string, dtype: "F32" | "F64" | "U32"): ArrayBuffer => {
      const entry = tensor.parse(entries[name]);
      const [from, to] = entry.data_offsets.map((at) => 8 + headerBytes + at) as [number, number];
      if (entry.dtype !== dtype || to > file.length)
        throw new RangeError(`${name} is ${entry.dtype} to ${to}`);
      return new Uint8Array(file.subarray(from, to)).buffer;
    };
    return {
      step,
      latents: new Float32Array(bytesOf("latents", "F32")),
      solver: {
        previousX0: "previous_x0" in entries ? new Float32Array(bytesOf("previous_x0", "F32")) : undefined,
      },
      generators: generators.map((index, i) => ({
        words: new Uint32Array(bytesOf(`generator.${i}.words`, "U32")),
        index,
        nextNormal:
          `generator.${i}.normal` in entries
            ? new Float64Array(bytesOf(`generator.${i}.normal`, "F64"))[0]
            : undefined,
      })),
    };
  } catch (cause) {
    throw new ClusterError("data_loss", "the checkpoint of the job cannot be read", { cause });
  }
}
