// Original file: proto/cogfleet/v1/fleet.proto

import type { SubmitRequest as _cogfleet_v1_SubmitRequest, SubmitRequest__Output as _cogfleet_v1_SubmitRequest__Output } from '../../cogfleet/v1/SubmitRequest.js';
import type { Long } from '@grpc/proto-loader';

/**
 * Run this job. The epoch fences it: reports of an older one change nothing.
 */
export interface Assign {
  'jobId'?: (string);
  'epoch'?: (number | string | Long);
  /**
   * Complete: every default filled in.
   */
  'request'?: (_cogfleet_v1_SubmitRequest | null);
}

/**
 * Run this job. The epoch fences it: reports of an older one change nothing.
 */
export interface Assign__Output {
  'jobId': (string);
  'epoch': (string);
  /**
   * Complete: every default filled in.
   */
  'request': (_cogfleet_v1_SubmitRequest__Output | null);
}
