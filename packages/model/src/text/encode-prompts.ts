// Prompts to what the transformer is conditioned on (encode_prompt of pipelines/cogvideo/pipeline_cogvideox.py).
// B videos, L text tokens, D width of the text encoder.
import { ClusterError } from "@cogfleet/core";
import { isGuided } from "../diffusion/guidance.js";
import type { PromptEncoder } from "./prompt-cache.js";

export interface EncodedPrompts {
  /** float32 [2B, L, D], the negative prompts first, then the prompts; [B, L, D] when nothing is guided. */
  readonly embeds: Float32Array;
  /** B. */
  readonly batch: number;
  /** What the user ought to know: prompts that were cut. */
  readonly warnings: readonly string[];
}

/**
 * Embeds the prompts of a batch of videos. Negative prompts, one for each, are encoded only when `guidanceScale` asks
 * for guidance.
 */
export async function encodePrompts(
  encoder: PromptEncoder,
  request: {
    readonly prompts: readonly string[];
    readonly negativePrompts: readonly string[];
    readonly maxSequenceLength: number;
    readonly guidanceScale: number;
  },
  signal: AbortSignal,
): Promise<EncodedPrompts> {
  const { prompts, negativePrompts, maxSequenceLength, guidanceScale } = request;
  if (prompts.length === 0 || negativePrompts.length !== prompts.length)
    throw new ClusterError(
      "invalid_request",
      `${prompts.length} prompts and ${negativePrompts.length} negative prompts: there must be as many, 1 or more`,
    );
  const negative = isGuided(guidanceScale) ? negativePrompts : [];
  const rows = await encoder.embed([...negative, ...prompts], maxSequenceLength, signal);
  const width = rows[0]?.embedding.length ?? 0;
  const embeds = new Float32Array(rows.length * width);
  const warnings = new Set<string>();
  for (const [i, { embedding, tokens }] of rows.entries()) {
    embeds.set(embedding, i * width);
    if (tokens > maxSequenceLength)
      warnings.add(
        `the ${i < negative.length ? "negative prompt" : "prompt"} has ${tokens} tokens, but max_sequence_length is ` +
          `${maxSequenceLength}: its end was cut off`,
      );
  }
  return { embeds, batch: prompts.length, warnings: [...warnings] };
}
