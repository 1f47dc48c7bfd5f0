import { ClusterError } from "@cogfleet/core";
import type { TextEncoder, Tokenizer } from "../components.js";

/** A prompt as the transformer reads it. Shared between jobs: not to be changed. */
export interface PromptEmbedding {
  /** float32 [L, d_model]. */
  readonly embedding: Float32Array;
  /** Ids the prompt has before it is cut, `</s>` included: more than L means that it was cut. */
  readonly tokens: number;
}

/** Embeds prompts; each distinct pair of prompt and length is computed once for as long as it is remembered. */
export interface PromptEncoder {
  /** One embedding for each prompt, padded or cut to `maxLength` tokens. What is new goes to the encoder in one batch. */
  embed(
    prompts: readonly string[],
    maxLength: number,
    signal: AbortSignal,
  ): Promise<readonly PromptEmbedding[]>;
}

/**
 * A prompt encoder that remembers the `capacity` embeddings used last: 3.7 MB each for T5-XXL and 226 tokens.
 * `textEncoder` is called only for prompts that are not remembered, so it may be opened then and closed again.
 */
export function createPromptEncoder({
  tokenizer,
  textEncoder,
  capacity = 16,
}: {
  readonly tokenizer: Tokenizer;
  readonly textEncoder: Pick<TextEncoder, "encode">;
  readonly capacity?: number;
}): PromptEncoder {
  const remembered = new Map<string, PromptEmbedding>(); // least recently used first

  return {
    async embed(prompts, maxLength, signal) {
      signal.throwIfAborted();
      const keyOf = (prompt: string): string => `${maxLength} ${prompt}`;
      const asked = new Map(prompts.map((prompt) => [keyOf(prompt), prompt]));
      const found = new Map<string, PromptEmbedding>();
      for (const key of asked.keys()) {
        const embedding = remembered.get(key);
        if (embedding !== undefined) found.set(key, embedding);
      }
      const missing = [...asked].filter(([key]) => !found.has(key));
      const rows = missing.map(([, prompt]) => tokenizer.encode(prompt, maxLength));
      if (rows.length > 0) {
        const values = await textEncoder.encode(
          rows.map(({ ids }) => ids),
          signal,
        );
        const width = values.length / rows.length;
        for (const [i, [key]] of missing.entries())
          found.set(key, {
            embedding: values.slice(i * width, (i + 1) * width),
            tokens: (rows[i] as (typeof rows)[number]).tokens,
          });
      }
      for (const [key, embedding] of found) {
        remembered.delete(key);
        remembered.set(key, embedding);
      }
      for (const key of remembered.keys()) {
        if (remembered.size <= capacity) break;
        remembered.delete(key);
      }
      return prompts.map((prompt) => {
        const embedding = found.get(keyOf(prompt));
        if (embedding === undefined) throw new ClusterError("internal", "a prompt was not embedded");
        return embedding;
      });
    },
  };
}
