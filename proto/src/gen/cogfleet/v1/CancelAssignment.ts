// Original file: proto/cogfleet/v1/fleet.proto

import type { Long } from '@grpc/proto-loader';

export interface CancelAssignment {
  'jobId'?: (string);
  'epoch'?: (number | string | Long);
}

export interface CancelAssignment__Output {
  'jobId': (string);
  'epoch': (string);
}
