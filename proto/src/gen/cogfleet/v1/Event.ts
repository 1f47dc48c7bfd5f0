// Original file: proto/cogfleet/v1/generation.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { JobState as _cogfleet_v1_JobState, JobState__Output as _cogfleet_v1_JobState__Output } from '../../cogfleet/v1/JobState.js';
import type { Stage as _cogfleet_v1_Stage, Stage__Output as _cogfleet_v1_Stage__Output } from '../../cogfleet/v1/Stage.js';
import type { JobError as _cogfleet_v1_JobError, JobError__Output as _cogfleet_v1_JobError__Output } from '../../cogfleet/v1/JobError.js';
import type { RankPart as _cogfleet_v1_RankPart, RankPart__Output as _cogfleet_v1_RankPart__Output } from '../../cogfleet/v1/RankPart.js';
import type { Long } from '@grpc/proto-loader';

export interface Event {
  /**
   * 1, 2, 3, ... within one job.
   */
  'sequence'?: (number | string | Long);
  'jobId'?: (string);
  'time'?: (_google_protobuf_Timestamp | null);
  'state'?: (_cogfleet_v1_JobState);
  /**
   * While the job runs: the stage, and the denoising steps done and in all.
   */
  'stage'?: (_cogfleet_v1_Stage);
  'step'?: (number);
  'steps'?: (number);
  /**
   * Seconds the worker took for that step or stage; 0 when not known.
   */
  'seconds'?: (number | string);
  /**
   * For a person: why a job failed, was queued again, or a warning.
   */
  'message'?: (string);
  /**
   * Set on the terminal event of a failed job.
   */
  'error'?: (_cogfleet_v1_JobError | null);
  'workerIds'?: (string)[];
  /**
   * What each rank computes: set on the event that starts an attempt.
   */
  'parts'?: (_cogfleet_v1_RankPart)[];
  /**
   * As Job.wait_reason when the event is sent, while the job is queued: it may change without an event.
   */
  'waitReason'?: (string);
}

export interface Event__Output {
  /**
   * 1, 2, 3, ... within one job.
   */
  'sequence': (string);
  'jobId': (string);
  'time': (_google_protobuf_Timestamp__Output | null);
  'state': (_cogfleet_v1_JobState__Output);
  /**
   * While the job runs: the stage, and the denoising steps done and in all.
   */
  'stage': (_cogfleet_v1_Stage__Output);
  'step': (number);
  'steps': (number);
  /**
   * Seconds the worker took for that step or stage; 0 when not known.
   */
  'seconds': (number);
  /**
   * For a person: why a job failed, was queued again, or a warning.
   */
  'message': (string);
  /**
   * Set on the terminal event of a failed job.
   */
  'error': (_cogfleet_v1_JobError__Output | null);
  'workerIds': (string)[];
  /**
   * What each rank computes: set on the event that starts an attempt.
   */
  'parts': (_cogfleet_v1_RankPart__Output)[];
  /**
   * As Job.wait_reason when the event is sent, while the job is queued: it may change without an event.
   */
  'waitReason': (string);
}
