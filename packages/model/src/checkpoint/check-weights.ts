import { ClusterError } from "@cogfleet/core";
import { t5Graph } from "../graph/t5.js";
import { transformerGraph } from "../graph/transformer.js";
import { chunkGraph } from "../graph/vae-chain.js";
import { decoderChain } from "../graph/vae-decoder.js";
import { encoderChain } from "../graph/vae-encoder.js";
import type { Checkpoint } from "./folder.js";
import { combined } from "./problems.js";

/**
 * Checks that every component's weights are there, in the shapes that its config asks for, and that there are no
 * others: builds the graphs, which ask for each weight, and drops them. No session is opened and no weight is read.
 * `invalid_checkpoint` names the first tensor that is wrong in each component.
 */
export function checkWeights({ textEncoder, transformer, vae }: Checkpoint): void {
  const problems = [
    problemOf(() => t5Graph(textEncoder.config, textEncoder.weights(), "fp32")),
    problemOf(() => transformerGraph(transformer.config, transformer.weights(), "fp32")),
    problemOf(() => {
      const weights = vae.weights();
      chunkGraph(decoderChain(vae.config), weights, "fp32");
      chunkGraph(encoderChain(vae.config), weights, "fp32");
      weights.requireAllUsed();
    }),
  ].filter((problem) => problem !== undefined);
  if (problems.length > 0) throw combined(problems);
}

function problemOf(check: () => unknown): ClusterError | undefined {
  try {
    check();
    return undefined;
  } catch (reason) {
    if (reason instanceof ClusterError) return reason;
    throw reason;
  }
}
