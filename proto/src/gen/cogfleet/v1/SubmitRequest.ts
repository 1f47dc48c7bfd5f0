// Original file: proto/cogfleet/v1/generation.proto

import type { ArtifactKind as _cogfleet_v1_ArtifactKind, ArtifactKind__Output as _cogfleet_v1_ArtifactKind__Output } from '../../cogfleet/v1/ArtifactKind.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { Long } from '@grpc/proto-loader';

/**
 * What is left out takes the model's default; the resolved request is in Job.request.
 */
export interface SubmitRequest {
  /**
   * What the video shows. Not blank. Longer than max_sequence_length tokens: cut, with a warning in the job.
   */
  'prompt'?: (string);
  /**
   * What it should not show. Default "".
   */
  'negativePrompt'?: (string);
  /**
   * Seed of the noise, 0 to 2^53 - 1. Default: drawn, and returned in Job.request.
   */
  'seed'?: (number | string | Long);
  /**
   * Denoising steps, 1 to 1000. Default 50.
   */
  'numInferenceSteps'?: (number);
  /**
   * Classifier-free guidance scale, finite and >= 0. Default 6. At 1 the negative branch is not computed.
   */
  'guidanceScale'?: (number | string);
  /**
   * Cosine-shaped guidance over the steps, as diffusers computes it. Default false.
   */
  'useDynamicCfg'?: (boolean);
  /**
   * "ddim" or "dpm". Default: the checkpoint's.
   */
  'scheduler'?: (string);
  /**
   * Frames of the video, 8k + 1. Default: the checkpoint's.
   */
  'numFrames'?: (number);
  /**
   * Pixels, a multiple of 16 within the model's limits. Default: the checkpoint's.
   */
  'height'?: (number);
  /**
   * Pixels, a multiple of 16 within the model's limits. Default: the checkpoint's.
   */
  'width'?: (number);
  /**
   * Frames a second of the file, 1 to 120. Default 8 (CogVideoX 1.5: 16).
   */
  'fps'?: (number);
  /**
   * Text tokens, padding included. Default: the transformer's max_text_seq_length.
   */
  'maxSequenceLength'?: (number);
  /**
   * Decode in overlapping tiles: less memory, another picture. Default false.
   */
  'vaeTiling'?: (boolean);
  /**
   * Name of a model that workers offer. May be left out when there is one.
   */
  'model'?: (string);
  /**
   * How to spread the job over workers: "auto", or degrees such as "cfg=2,context=2". Default "auto". With
   * "activations=bf16" or "activations=int8" ranks exchange fewer bits, and the result is approximate.
   */
  'parallel'?: (string);
  /**
   * Submitting again with the same key and body returns the same job, for as long as it is kept. Keys of different
   * tenants have nothing to do with each other. At most 256 characters.
   */
  'idempotencyKey'?: (string);
  /**
   * Higher runs first, among the jobs of its tenant, -100 to 100; a waiting job gains a point a minute. Default 0.
   */
  'priority'?: (number);
  /**
   * Free labels of the client, at most 64 of at most 256 characters.
   */
  'labels'?: ({[key: string]: string});
  /**
   * Write prompt and seed into the file's tags. Default true.
   */
  'embedMetadata'?: (boolean);
  /**
   * Artifacts to keep besides the video.
   */
  'extraArtifacts'?: (_cogfleet_v1_ArtifactKind)[];
  /**
   * Whose job it is: tenants share the workers fairly. 1 to 63 letters, digits, '.', '_' and '-'. Not authenticated.
   * Default "default".
   */
  'tenant'?: (string);
  /**
   * A job that has not ended by then fails with the code "deadline_exceeded", whether it waits or runs. In the future.
   */
  'deadline'?: (_google_protobuf_Timestamp | null);
  /**
   * A job that has run for longer, all attempts together, fails with the code "run_time_exceeded". Waiting does not
   * count. Above 0; no limit when left out.
   */
  'maxRunSeconds'?: (number | string);
  /**
   * When memory does not suffice whatever the plan, decode in tiles, as vae_tiling does: another picture. The job says so
   * (`approximate`). Default false.
   */
  'allowVaeTilingFallback'?: (boolean);
  '_negativePrompt'?: "negativePrompt";
  '_seed'?: "seed";
  '_numInferenceSteps'?: "numInferenceSteps";
  '_guidanceScale'?: "guidanceScale";
  '_useDynamicCfg'?: "useDynamicCfg";
  '_scheduler'?: "scheduler";
  '_numFrames'?: "numFrames";
  '_height'?: "height";
  '_width'?: "width";
  '_fps'?: "fps";
  '_maxSequenceLength'?: "maxSequenceLength";
  '_vaeTiling'?: "vaeTiling";
  '_model'?: "model";
  '_parallel'?: "parallel";
  '_idempotencyKey'?: "idempotencyKey";
  '_priority'?: "priority";
  '_embedMetadata'?: "embedMetadata";
  '_tenant'?: "tenant";
  '_maxRunSeconds'?: "maxRunSeconds";
  '_allowVaeTilingFallback'?: "allowVaeTilingFallback";
}

/**
 * What is left out takes the model's default; the resolved request is in Job.request.
 */
export interface SubmitRequest__Output {
  /**
   * What the video shows. Not blank. Longer than max_sequence_length tokens: cut, with a warning in the job.
   */
  'prompt': (string);
  /**
   * What it should not show. Default "".
   */
  'negativePrompt'?: (string);
  /**
   * Seed of the noise, 0 to 2^53 - 1. Default: drawn, and returned in Job.request.
   */
  'seed'?: (string);
  /**
   * Denoising steps, 1 to 1000. Default 50.
   */
  'numInferenceSteps'?: (number);
  /**
   * Classifier-free guidance scale, finite and >= 0. Default 6. At 1 the negative branch is not computed.
   */
  'guidanceScale'?: (number);
  /**
   * Cosine-shaped guidance over the steps, as diffusers computes it. Default false.
   */
  'useDynamicCfg'?: (boolean);
  /**
   * "ddim" or "dpm". Default: the checkpoint's.
   */
  'scheduler'?: (string);
  /**
   * Frames of the video, 8k + 1. Default: the checkpoint's.
   */
  'numFrames'?: (number);
  /**
   * Pixels, a multiple of 16 within the model's limits. Default: the checkpoint's.
   */
  'height'?: (number);
  /**
   * Pixels, a multiple of 16 within the model's limits. Default: the checkpoint's.
   */
  'width'?: (number);
  /**
   * Frames a second of the file, 1 to 120. Default 8 (CogVideoX 1.5: 16).
   */
  'fps'?: (number);
  /**
   * Text tokens, padding included. Default: the transformer's max_text_seq_length.
   */
  'maxSequenceLength'?: (number);
  /**
   * Decode in overlapping tiles: less memory, another picture. Default false.
   */
  'vaeTiling'?: (boolean);
  /**
   * Name of a model that workers offer. May be left out when there is one.
   */
  'model'?: (string);
  /**
   * How to spread the job over workers: "auto", or degrees such as "cfg=2,context=2". Default "auto". With
   * "activations=bf16" or "activations=int8" ranks exchange fewer bits, and the result is approximate.
   */
  'parallel'?: (string);
  /**
   * Submitting again with the same key and body returns the same job, for as long as it is kept. Keys of different
   * tenants have nothing to do with each other. At most 256 characters.
   */
  'idempotencyKey'?: (string);
  /**
   * Higher runs first, among the jobs of its tenant, -100 to 100; a waiting job gains a point a minute. Default 0.
   */
  'priority'?: (number);
  /**
   * Free labels of the client, at most 64 of at most 256 characters.
   */
  'labels': ({[key: string]: string});
  /**
   * Write prompt and seed into the file's tags. Default true.
   */
  'embedMetadata'?: (boolean);
  /**
   * Artifacts to keep besides the video.
   */
  'extraArtifacts': (_cogfleet_v1_ArtifactKind__Output)[];
  /**
   * Whose job it is: tenants share the workers fairly. 1 to 63 letters, digits, '.', '_' and '-'. Not authenticated.
   * Default "default".
   */
  'tenant'?: (string);
  /**
   * A job that has not ended by then fails with the code "deadline_exceeded", whether it waits or runs. In the future.
   */
  'deadline': (_google_protobuf_Timestamp__Output | null);
  /**
   * A job that has run for longer, all attempts together, fails with the code "run_time_exceeded". Waiting does not
   * count. Above 0; no limit when left out.
   */
  'maxRunSeconds'?: (number);
  /**
   * When memory does not suffice whatever the plan, decode in tiles, as vae_tiling does: another picture. The job says so
   * (`approximate`). Default false.
   */
  'allowVaeTilingFallback'?: (boolean);
  '_negativePrompt'?: "negativePrompt";
  '_seed'?: "seed";
  '_numInferenceSteps'?: "numInferenceSteps";
  '_guidanceScale'?: "guidanceScale";
  '_useDynamicCfg'?: "useDynamicCfg";
  '_scheduler'?: "scheduler";
  '_numFrames'?: "numFrames";
  '_height'?: "height";
  '_width'?: "width";
  '_fps'?: "fps";
  '_maxSequenceLength'?: "maxSequenceLength";
  '_vaeTiling'?: "vaeTiling";
  '_model'?: "model";
  '_parallel'?: "parallel";
  '_idempotencyKey'?: "idempotencyKey";
  '_priority'?: "priority";
  '_embedMetadata'?: "embedMetadata";
  '_tenant'?: "tenant";
  '_maxRunSeconds'?: "maxRunSeconds";
  '_allowVaeTilingFallback'?: "allowVaeTilingFallback";
}
