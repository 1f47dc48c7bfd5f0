// Original file: proto/cogfleet/v1/generation.proto

import type { JobState as _cogfleet_v1_JobState, JobState__Output as _cogfleet_v1_JobState__Output } from '../../cogfleet/v1/JobState.js';
import type { SubmitRequest as _cogfleet_v1_SubmitRequest, SubmitRequest__Output as _cogfleet_v1_SubmitRequest__Output } from '../../cogfleet/v1/SubmitRequest.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { Progress as _cogfleet_v1_Progress, Progress__Output as _cogfleet_v1_Progress__Output } from '../../cogfleet/v1/Progress.js';
import type { JobError as _cogfleet_v1_JobError, JobError__Output as _cogfleet_v1_JobError__Output } from '../../cogfleet/v1/JobError.js';
import type { Artifact as _cogfleet_v1_Artifact, Artifact__Output as _cogfleet_v1_Artifact__Output } from '../../cogfleet/v1/Artifact.js';
import type { Plan as _cogfleet_v1_Plan, Plan__Output as _cogfleet_v1_Plan__Output } from '../../cogfleet/v1/Plan.js';
import type { Long } from '@grpc/proto-loader';

export interface Job {
  'id'?: (string);
  'state'?: (_cogfleet_v1_JobState);
  /**
   * The request with every default filled in.
   */
  'request'?: (_cogfleet_v1_SubmitRequest | null);
  'createTime'?: (_google_protobuf_Timestamp | null);
  /**
   * When it was last given to a worker.
   */
  'startTime'?: (_google_protobuf_Timestamp | null);
  'finishTime'?: (_google_protobuf_Timestamp | null);
  'progress'?: (_cogfleet_v1_Progress | null);
  /**
   * Set when state is JOB_STATE_FAILED.
   */
  'error'?: (_cogfleet_v1_JobError | null);
  /**
   * The video, once state is JOB_STATE_COMPLETED.
   */
  'artifact'?: (_cogfleet_v1_Artifact | null);
  /**
   * All artifacts, the video included.
   */
  'artifacts'?: (_cogfleet_v1_Artifact)[];
  /**
   * Such as a prompt that was cut.
   */
  'warnings'?: (string)[];
  /**
   * Workers of the current or last attempt.
   */
  'workerIds'?: (string)[];
  /**
   * How often it was given to workers.
   */
  'attempts'?: (number);
  /**
   * Sequence number of the job's newest event.
   */
  'lastSequence'?: (number | string | Long);
  /**
   * Jobs of its tenant ahead of it while it is queued.
   */
  'queuePosition'?: (number);
  /**
   * How the current or last attempt is spread over worker_ids, which are in the order of their ranks. A later attempt
   * keeps it while there are enough workers. Unset before the first attempt.
   */
  'plan'?: (_cogfleet_v1_Plan | null);
  /**
   * The step that another attempt would go on from; 0: from the noise.
   */
  'checkpointStep'?: (number);
  /**
   * For which it has run, all attempts together, as of its newest step.
   */
  'runSeconds'?: (number | string);
  /**
   * It is, or was, decoded in tiles though vae_tiling was not asked for: see allow_vae_tiling_fallback.
   */
  'approximate'?: (boolean);
  /**
   * Why it could not start if all workers were idle, such as "waits for 4 workers of demo: 2 are connected", or that its
   * tenant has as many as it may. Empty: it waits its turn, or does not wait.
   */
  'waitReason'?: (string);
}

export interface Job__Output {
  'id': (string);
  'state': (_cogfleet_v1_JobState__Output);
  /**
   * The request with every default filled in.
   */
  'request': (_cogfleet_v1_SubmitRequest__Output | null);
  'createTime': (_google_protobuf_Timestamp__Output | null);
  /**
   * When it was last given to a worker.
   */
  'startTime': (_google_protobuf_Timestamp__Output | null);
  'finishTime': (_google_protobuf_Timestamp__Output | null);
  'progress': (_cogfleet_v1_Progress__Output | null);
  /**
   * Set when state is JOB_STATE_FAILED.
   */
  'error': (_cogfleet_v1_JobError__Output | null);
  /**
   * The video, once state is JOB_STATE_COMPLETED.
   */
  'artifact': (_cogfleet_v1_Artifact__Output | null);
  /**
   * All artifacts, the video included.
   */
  'artifacts': (_cogfleet_v1_Artifact__Output)[];
  /**
   * Such as a prompt that was cut.
   */
  'warnings': (string)[];
  /**
   * Workers of the current or last attempt.
   */
  'workerIds': (string)[];
  /**
   * How often it was given to workers.
   */
  'attempts': (number);
  /**
   * Sequence number of the job's newest event.
   */
  'lastSequence': (string);
  /**
   * Jobs of its tenant ahead of it while it is queued.
   */
  'queuePosition': (number);
  /**
   * How the current or last attempt is spread over worker_ids, which are in the order of their ranks. A later attempt
   * keeps it while there are enough workers. Unset before the first attempt.
   */
  'plan': (_cogfleet_v1_Plan__Output | null);
  /**
   * The step that another attempt would go on from; 0: from the noise.
   */
  'checkpointStep': (number);
  /**
   * For which it has run, all attempts together, as of its newest step.
   */
  'runSeconds': (number);
  /**
   * It is, or was, decoded in tiles though vae_tiling was not asked for: see allow_vae_tiling_fallback.
   */
  'approximate': (boolean);
  /**
   * Why it could not start if all workers were idle, such as "waits for 4 workers of demo: 2 are connected", or that its
   * tenant has as many as it may. Empty: it waits its turn, or does not wait.
   */
  'waitReason': (string);
}
