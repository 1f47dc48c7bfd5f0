// Original file: proto/cogfleet/v1/fleet.proto

import type { Long } from '@grpc/proto-loader';

/**
 * The state of a job after a step.
 */
export interface Checkpoint {
  /**
   * 1 to steps.
   */
  'step'?: (number);
  'bytes'?: (number | string | Long);
  /**
   * Lower-case hex.
   */
  'sha256'?: (string);
}

/**
 * The state of a job after a step.
 */
export interface Checkpoint__Output {
  /**
   * 1 to steps.
   */
  'step': (number);
  'bytes': (string);
  /**
   * Lower-case hex.
   */
  'sha256': (string);
}
