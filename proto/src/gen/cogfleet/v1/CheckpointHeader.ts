// Original file: proto/cogfleet/v1/fleet.proto

import type { Checkpoint as _cogfleet_v1_Checkpoint, Checkpoint__Output as _cogfleet_v1_Checkpoint__Output } from '../../cogfleet/v1/Checkpoint.js';
import type { Long } from '@grpc/proto-loader';

export interface CheckpointHeader {
  'protocolVersion'?: (number);
  'jobId'?: (string);
  'epoch'?: (number | string | Long);
  'checkpoint'?: (_cogfleet_v1_Checkpoint | null);
}

export interface CheckpointHeader__Output {
  'protocolVersion': (number);
  'jobId': (string);
  'epoch': (string);
  'checkpoint': (_cogfleet_v1_Checkpoint__Output | null);
}
