// Original file: proto/cogfleet/v1/exchange.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Names one message between two ranks. All of it must match, so a stale peer gets nothing.
 */
export interface PullRequest {
  'protocolVersion'?: (number);
  'jobId'?: (string);
  'epoch'?: (number | string | Long);
  /**
   * Rank that made the tensor, and rank that pulls it.
   */
  'fromRank'?: (number);
  'toRank'?: (number);
  /**
   * What it is, such as "s12.l3.qkv".
   */
  'tag'?: (string);
  /**
   * Size that the puller expects.
   */
  'totalBytes'?: (number | string | Long);
  /**
   * The puller has read the probe of a Beat: frames may name shared memory instead of carrying data.
   */
  'sharesMemory'?: (boolean);
}

/**
 * Names one message between two ranks. All of it must match, so a stale peer gets nothing.
 */
export interface PullRequest__Output {
  'protocolVersion': (number);
  'jobId': (string);
  'epoch': (string);
  /**
   * Rank that made the tensor, and rank that pulls it.
   */
  'fromRank': (number);
  'toRank': (number);
  /**
   * What it is, such as "s12.l3.qkv".
   */
  'tag': (string);
  /**
   * Size that the puller expects.
   */
  'totalBytes': (string);
  /**
   * The puller has read the probe of a Beat: frames may name shared memory instead of carrying data.
   */
  'sharesMemory': (boolean);
}
