import { ClusterError } from "@cogfleet/core";
import type { T5Config } from "./checkpoint/configs.js";
import type { Weights } from "./checkpoint/weights.js";
import type { TextEncoder } from "./components.js";
import { t5Graph } from "./graph/t5.js";
import type { Precision, Runtime } from "./session.js";
import { relativeBuckets } from "./text/relative-buckets.js";

/** T5EncoderModel on one rank: one session for every batch and length. */
export async function openTextEncoder(
  runtime: Runtime,
  config: T5Config,
  weights: Weights,
  precision: Precision,
  signal: AbortSignal,
): Promise<TextEncoder> {
  const session = await runtime.open(t5Graph(config, weights, precision), signal);
  const { relativeAttentionNumBuckets, relativeAttentionMaxDistance } = config;
  return {
    async encode(ids, encodeSignal) {
      const length = requireIds(ids, config.vocabSize);
      const { last_hidden_state: hidden } = await session.run(
        {
          input_ids: { type: "int32", data: Int32Array.from(ids.flat()), dims: [ids.length, length] },
          buckets: {
            type: "int32",
            data: relativeBuckets(length, relativeAttentionNumBuckets, relativeAttentionMaxDistance),
            dims: [length, length],
          },
        },
        encodeSignal,
        { transfer: ["input_ids", "buckets"] },
      );
      if (hidden?.type !== "float32")
        throw new ClusterError("internal", "the text encoder's graph gave no float32 last_hidden_state");
      return hidden.data;
    },
    close: () => session.close(),
  };
}

/** The length that all rows share. */
function requireIds(ids: readonly (readonly number[])[], vocabSize: number): number {
  const length = ids[0]?.length ?? 0;
  if (length === 0) throw new ClusterError("tensor_mismatch", "no token ids to encode");
  for (const [b, row] of ids.entries()) {
    if (row.length !== length)
      throw new ClusterError("tensor_mismatch", `row ${b} has ${row.length} token ids, row 0 has ${length}`);
    const bad = row.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
    if (bad !== undefined)
      throw new ClusterError("tensor_mismatch", `token id ${bad} is not one of the ${vocabSize} embedded`);
  }
  return length;
}
