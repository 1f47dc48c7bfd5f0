// Original file: proto/cogfleet/v1/fleet.proto

import type { Checkpoint as _cogfleet_v1_Checkpoint, Checkpoint__Output as _cogfleet_v1_Checkpoint__Output } from '../../cogfleet/v1/Checkpoint.js';
import type { Long } from '@grpc/proto-loader';

export interface StepDone {
  'jobId'?: (string);
  'epoch'?: (number | string | Long);
  /**
   * 1 to steps.
   */
  'step'?: (number);
  'seconds'?: (number | string);
  /**
   * What PutCheckpoint stored of this step; unset: nothing.
   */
  'checkpoint'?: (_cogfleet_v1_Checkpoint | null);
}

export interface StepDone__Output {
  'jobId': (string);
  'epoch': (string);
  /**
   * 1 to steps.
   */
  'step': (number);
  'seconds': (number);
  /**
   * What PutCheckpoint stored of this step; unset: nothing.
   */
  'checkpoint': (_cogfleet_v1_Checkpoint__Output | null);
}
