// Original file: proto/cogfleet/v1/generation.proto

export const ArtifactKind = {
  ARTIFACT_KIND_UNSPECIFIED: 'ARTIFACT_KIND_UNSPECIFIED',
  /**
   * MP4, H.264, yuv420p.
   */
  ARTIFACT_KIND_VIDEO: 'ARTIFACT_KIND_VIDEO',
  /**
   * safetensors with `latents`, float32 [T, C, H, W], after the last step and before the VAE.
   */
  ARTIFACT_KIND_LATENTS: 'ARTIFACT_KIND_LATENTS',
  /**
   * safetensors with `frames`, uint8 [F, H, W, 3].
   */
  ARTIFACT_KIND_FRAMES: 'ARTIFACT_KIND_FRAMES',
} as const;

export type ArtifactKind =
  | 'ARTIFACT_KIND_UNSPECIFIED'
  | 0
  /**
   * MP4, H.264, yuv420p.
   */
  | 'ARTIFACT_KIND_VIDEO'
  | 1
  /**
   * safetensors with `latents`, float32 [T, C, H, W], after the last step and before the VAE.
   */
  | 'ARTIFACT_KIND_LATENTS'
  | 2
  /**
   * safetensors with `frames`, uint8 [F, H, W, 3].
   */
  | 'ARTIFACT_KIND_FRAMES'
  | 3

export type ArtifactKind__Output = typeof ArtifactKind[keyof typeof ArtifactKind]
