// Original file: proto/cogfleet/v1/fleet.proto

import type { Long } from '@grpc/proto-loader';

export interface StepDone {
  'jobId'?: (string);
  'epoch'?: (number | string | Long);
  /**
   * 1 to steps.
   */
  'step'?: (number);
  'seconds'?: (number | string);
}

export interface StepDone__Output {
  'jobId': (string);
  'epoch': (string);
  /**
   * 1 to steps.
   */
  'step': (number);
  'seconds': (number);
}
