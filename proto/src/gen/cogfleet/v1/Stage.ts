// Original file: proto/cogfleet/v1/generation.proto

export const Stage = {
  STAGE_UNSPECIFIED: 'STAGE_UNSPECIFIED',
  /**
   * Prompt to embeddings.
   */
  STAGE_ENCODE: 'STAGE_ENCODE',
  /**
   * Noise to latents, step by step.
   */
  STAGE_DENOISE: 'STAGE_DENOISE',
  /**
   * Latents to frames, and frames to the video file.
   */
  STAGE_DECODE: 'STAGE_DECODE',
} as const;

export type Stage =
  | 'STAGE_UNSPECIFIED'
  | 0
  /**
   * Prompt to embeddings.
   */
  | 'STAGE_ENCODE'
  | 1
  /**
   * Noise to latents, step by step.
   */
  | 'STAGE_DENOISE'
  | 2
  /**
   * Latents to frames, and frames to the video file.
   */
  | 'STAGE_DECODE'
  | 3

export type Stage__Output = typeof Stage[keyof typeof Stage]
