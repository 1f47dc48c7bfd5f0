// Original file: proto/cogfleet/v1/exchange.proto

import type { Long } from '@grpc/proto-loader';

export interface WatchRankRequest {
  'protocolVersion'?: (number);
  'jobId'?: (string);
  'epoch'?: (number | string | Long);
  /**
   * Rank that is watched, and rank that watches.
   */
  'fromRank'?: (number);
  'toRank'?: (number);
}

export interface WatchRankRequest__Output {
  'protocolVersion': (number);
  'jobId': (string);
  'epoch': (string);
  /**
   * Rank that is watched, and rank that watches.
   */
  'fromRank': (number);
  'toRank': (number);
}
