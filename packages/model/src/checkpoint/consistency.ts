// Where the components of a checkpoint meet: each may be right by itself and still not fit the next.
import { ClusterError } from "@cogfleet/core";
import type { T5Config, TransformerConfig, VaeConfig } from "./configs.js";
import { MAX_SIDE, SIZE_STEP } from "./model-facts.js";

/** What does not fit, an error each. `source` names the checkpoint in them. */
export function inconsistencies(
  source: string,
  parts: {
    readonly isImageToVideo: boolean;
    readonly transformer: TransformerConfig;
    readonly vae: VaeConfig;
    readonly textEncoder: T5Config;
    /** Ids of the tokenizer are below it. */
    readonly idCount: number;
  },
): ClusterError[] {
  const { isImageToVideo, transformer, vae, textEncoder, idCount } = parts;
  const latents = vae.latentChannels;
  const inChannels = isImageToVideo ? 2 * latents : latents;
  const spatial = 2 ** (vae.blockOutChannels.length - 1) * transformer.patchSize;
  const wrong = (isWrong: boolean, problem: string): ClusterError[] =>
    isWrong ? [new ClusterError("invalid_checkpoint", `${source}: ${problem}`)] : [];
  const unsupported = (isUnsupported: boolean, problem: string): ClusterError[] =>
    isUnsupported ? [new ClusterError("unsupported", `${source}: ${problem}`)] : [];
  return [
    ...wrong(
      transformer.outChannels !== latents,
      `the transformer's out_channels (${transformer.outChannels}) must equal the vae's latent_channels (${latents})`,
    ),
    ...wrong(
      transformer.inChannels !== inChannels,
      `the transformer's in_channels (${transformer.inChannels}) must be ${inChannels}: ${isImageToVideo ? "twice " : ""}the vae's latent_channels (${latents}) for ${isImageToVideo ? "image" : "text"}-to-video`,
    ),
    ...wrong(
      !isImageToVideo && transformer.ofsEmbedDim !== null,
      `the transformer's ofs_embed_dim (${transformer.ofsEmbedDim}) must be null for text-to-video`,
    ),
    ...wrong(
      transformer.textEmbedDim !== textEncoder.dModel,
      `the transformer's text_embed_dim (${transformer.textEmbedDim}) must equal the text_encoder's d_model (${textEncoder.dModel})`,
    ),
    ...wrong(
      idCount > textEncoder.vocabSize,
      `the tokenizer's ids go up to ${idCount - 1}, the text_encoder's vocab_size is ${textEncoder.vocabSize}`,
    ),
    ...wrong(
      vae.inChannels !== 3 || vae.outChannels !== 3,
      `the vae's in_channels (${vae.inChannels}) and out_channels (${vae.outChannels}) must be 3: red, green, blue`,
    ),
    ...wrong(
      transformer.temporalCompressionRatio !== vae.temporalCompressionRatio,
      `the temporal_compression_ratio of the transformer (${transformer.temporalCompressionRatio}) and the vae (${vae.temporalCompressionRatio}) must be equal`,
    ),
    ...unsupported(
      spatial !== SIZE_STEP || transformer.patchSize !== 2,
      `patches of ${spatial} pixels a side (patch_size ${transformer.patchSize}, ${vae.blockOutChannels.length} vae blocks) are not supported, only ${SIZE_STEP} (patch_size 2, 4 blocks)`,
    ),
    ...unsupported(
      vae.temporalCompressionRatio !== 4,
      `temporal_compression_ratio ${vae.temporalCompressionRatio} is not supported, only 4`,
    ),
    ...unsupported(
      transformer.patchSizeT !== null && transformer.patchSizeT !== 2,
      `patch_size_t ${transformer.patchSizeT} is not supported, only 2`,
    ),
    ...unsupported(
      transformer.useLearnedPositionalEmbeddings &&
        [transformer.sampleHeight, transformer.sampleWidth].some(
          (side) => side % 2 !== 0 || side * 8 > MAX_SIDE,
        ),
      `learned positions for ${transformer.sampleHeight} x ${transformer.sampleWidth} latents are not supported, only for even sides up to ${MAX_SIDE / 8}`,
    ),
  ];
}
