// Original file: proto/cogfleet/v1/fleet.proto

import type { Long } from '@grpc/proto-loader';

export interface GetCheckpointRequest {
  'protocolVersion'?: (number);
  'jobId'?: (string);
  /**
   * Of the assignment that goes on from it.
   */
  'epoch'?: (number | string | Long);
}

export interface GetCheckpointRequest__Output {
  'protocolVersion': (number);
  'jobId': (string);
  /**
   * Of the assignment that goes on from it.
   */
  'epoch': (string);
}
