// Original file: proto/cogfleet/v1/fleet.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Hand this assignment back at its next step, which is stored before. To rank 0.
 */
export interface YieldAssignment {
  'jobId'?: (string);
  'epoch'?: (number | string | Long);
}

/**
 * Hand this assignment back at its next step, which is stored before. To rank 0.
 */
export interface YieldAssignment__Output {
  'jobId': (string);
  'epoch': (string);
}
