// Original file: proto/cogfleet/v1/fleet.proto

import type { Stage as _cogfleet_v1_Stage, Stage__Output as _cogfleet_v1_Stage__Output } from '../../cogfleet/v1/Stage.js';
import type { Long } from '@grpc/proto-loader';

export interface StageStarted {
  'jobId'?: (string);
  'epoch'?: (number | string | Long);
  'stage'?: (_cogfleet_v1_Stage);
  /**
   * Warnings for the job, such as a prompt that was cut.
   */
  'warnings'?: (string)[];
}

export interface StageStarted__Output {
  'jobId': (string);
  'epoch': (string);
  'stage': (_cogfleet_v1_Stage__Output);
  /**
   * Warnings for the job, such as a prompt that was cut.
   */
  'warnings': (string)[];
}
