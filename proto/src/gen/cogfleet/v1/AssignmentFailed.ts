// Original file: proto/cogfleet/v1/fleet.proto

import type { JobError as _cogfleet_v1_JobError, JobError__Output as _cogfleet_v1_JobError__Output } from '../../cogfleet/v1/JobError.js';
import type { Long } from '@grpc/proto-loader';

export interface AssignmentFailed {
  'jobId'?: (string);
  'epoch'?: (number | string | Long);
  'error'?: (_cogfleet_v1_JobError | null);
  /**
   * Another worker, or another attempt, may succeed.
   */
  'retryable'?: (boolean);
  /**
   * With the code "peer_lost": the rank that was the first to go, as far as this one knows.
   */
  'lostRank'?: (number);
  '_lostRank'?: "lostRank";
}

export interface AssignmentFailed__Output {
  'jobId': (string);
  'epoch': (string);
  'error': (_cogfleet_v1_JobError__Output | null);
  /**
   * Another worker, or another attempt, may succeed.
   */
  'retryable': (boolean);
  /**
   * With the code "peer_lost": the rank that was the first to go, as far as this one knows.
   */
  'lostRank'?: (number);
  '_lostRank'?: "lostRank";
}
