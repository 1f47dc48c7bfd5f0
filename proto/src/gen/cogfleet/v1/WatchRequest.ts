// Original file: proto/cogfleet/v1/generation.proto

import type { Long } from '@grpc/proto-loader';

export interface WatchRequest {
  'jobId'?: (string);
  /**
   * Sequence number of the last event already seen; 0: from the start.
   */
  'afterSequence'?: (number | string | Long);
}

export interface WatchRequest__Output {
  'jobId': (string);
  /**
   * Sequence number of the last event already seen; 0: from the start.
   */
  'afterSequence': (string);
}
