import { ClusterError } from "@cogfleet/core";
import type { TransformerConfig } from "./checkpoint/configs.js";
import type { Weights } from "./checkpoint/weights.js";
import type { Transformer, TransformerInput } from "./components.js";
import { transformerGraph } from "./graph/transformer.js";
import { innerDim } from "./graph/transformer-segments.js";
import { type LatentShape, patchify, tokenCount, tokenGrid, unpatchify } from "./latents/patches.js";
import { timestepSinusoid } from "./latents/sincos.js";
import { elements, type Precision, type Runtime, type Tensor } from "./session.js";
import { positionInputs, requireSize, type TransformerSize } from "./transformer-positions.js";

/** What CogVideoX 1.5 image-to-video is always told (pipeline_cogvideox_image2video.py). */
export const OFS = 2;

/**
 * CogVideoXTransformer3DModel on one rank: one session for every size. `unsupported` for a precision that the
 * checkpoint cannot be computed in, `invalid_checkpoint` for weights that are not the config's.
 */
export async function openTransformer(
  runtime: Runtime,
  config: TransformerConfig,
  weights: Weights,
  precision: Precision,
  signal: AbortSignal,
): Promise<Transformer> {
  const session = await runtime.open(transformerGraph(config, weights, precision), signal);
  const patch = { p: config.patchSize, pT: config.patchSizeT ?? 1 };
  // A job has one size for all its steps, so one is kept.
  let known: { readonly key: string; readonly inputs: Readonly<Record<string, Tensor>> } | undefined;
  const positions = (size: TransformerSize): Readonly<Record<string, Tensor>> => {
    const key = Object.values(size).join();
    if (known?.key !== key) known = { key, inputs: positionInputs(config, size) };
    return known.inputs;
  };
  const sinusoid = (values: readonly number[], dim: number): Tensor => ({
    type: "float32",
    data: timestepSinusoid(values, dim, config),
    dims: [values.length, dim],
  });

  return {
    async forward(input, forwardSignal) {
      const { batch, frames, height, width } = input;
      const textTokens = input.encoderHiddenStates.length / (batch * config.textEmbedDim);
      const size = { frames, height, width, textTokens };
      requireInput(config, input, textTokens);
      requireSize(config, size);
      const shape: LatentShape = { batch, frames, height, width, channels: config.inChannels };
      const tokens = tokenCount(tokenGrid(shape, patch));
      const { sample } = await session.run(
        {
          hidden_states: {
            type: "float32",
            data: patchify(input.hiddenStates, shape, patch),
            dims: [batch, tokens, config.inChannels * patch.pT * patch.p ** 2],
          },
          encoder_hidden_states: {
            type: "float32",
            data: input.encoderHiddenStates,
            dims: [batch, textTokens, config.textEmbedDim],
          },
          time_sinusoid: sinusoid(input.timestep, innerDim(config)),
          ...(config.ofsEmbedDim === null
            ? {}
            : { ofs_sinusoid: sinusoid([input.ofs ?? OFS], config.ofsEmbedDim) }),
          ...positions(size),
        },
        forwardSignal,
        { transfer: ["hidden_states", "time_sinusoid"] },
      );
      if (sample?.type !== "float32")
        throw new ClusterError("internal", "the transformer's graph gave no float32 sample");
      const outShape = { ...shape, channels: config.outChannels };
      const latents = new Float32Array(elements([batch, frames, config.outChannels, height, width]));
      unpatchify(sample.data, latents, outShape, patch);
      return latents;
    },
    close: () => session.close(),
  };
}

function requireInput(config: TransformerConfig, input: TransformerInput, textTokens: number): void {
  const { batch, frames, height, width } = input;
  const expected = elements([batch, frames, config.inChannels, height, width]);
  if (input.hiddenStates.length !== expected)
    throw new ClusterError(
      "tensor_mismatch",
      `hidden states have ${input.hiddenStates.length} values, expected ${expected} for ` +
        `[${[batch, frames, config.inChannels, height, width].join(", ")}]`,
    );
  if (!Number.isInteger(textTokens))
    throw new ClusterError(
      "tensor_mismatch",
      `encoder hidden states have ${input.encoderHiddenStates.length} values, which is no [${batch}, L, ${config.textEmbedDim}]`,
    );
  if (input.timestep.length !== batch)
    throw new ClusterError("tensor_mismatch", `${input.timestep.length} timesteps for a batch of ${batch}`);
}
