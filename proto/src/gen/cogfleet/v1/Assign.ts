// Original file: proto/cogfleet/v1/fleet.proto

import type { SubmitRequest as _cogfleet_v1_SubmitRequest, SubmitRequest__Output as _cogfleet_v1_SubmitRequest__Output } from '../../cogfleet/v1/SubmitRequest.js';
import type { Plan as _cogfleet_v1_Plan, Plan__Output as _cogfleet_v1_Plan__Output } from '../../cogfleet/v1/Plan.js';
import type { Peer as _cogfleet_v1_Peer, Peer__Output as _cogfleet_v1_Peer__Output } from '../../cogfleet/v1/Peer.js';
import type { Long } from '@grpc/proto-loader';

/**
 * Run this job, or a rank's part of it. The epoch fences it: reports of an older one change nothing.
 */
export interface Assign {
  'jobId'?: (string);
  'epoch'?: (number | string | Long);
  /**
   * Complete: every default filled in.
   */
  'request'?: (_cogfleet_v1_SubmitRequest | null);
  'plan'?: (_cogfleet_v1_Plan | null);
  /**
   * The worker's own place, 0 to cfg * context - 1. Rank 0 reports stages and steps, and stores what is made.
   */
  'rank'?: (number);
  /**
   * By rank, the worker itself among them.
   */
  'peers'?: (_cogfleet_v1_Peer)[];
  /**
   * Steps done already: 0 starts from the noise, else GetCheckpoint has the state.
   */
  'startStep'?: (number);
  /**
   * W3C's, of the job's span: those of the worker are its children. Absent when the coordinator traces nothing.
   */
  'traceparent'?: (string);
  '_traceparent'?: "traceparent";
}

/**
 * Run this job, or a rank's part of it. The epoch fences it: reports of an older one change nothing.
 */
export interface Assign__Output {
  'jobId': (string);
  'epoch': (string);
  /**
   * Complete: every default filled in.
   */
  'request': (_cogfleet_v1_SubmitRequest__Output | null);
  'plan': (_cogfleet_v1_Plan__Output | null);
  /**
   * The worker's own place, 0 to cfg * context - 1. Rank 0 reports stages and steps, and stores what is made.
   */
  'rank': (number);
  /**
   * By rank, the worker itself among them.
   */
  'peers': (_cogfleet_v1_Peer__Output)[];
  /**
   * Steps done already: 0 starts from the noise, else GetCheckpoint has the state.
   */
  'startStep': (number);
  /**
   * W3C's, of the job's span: those of the worker are its children. Absent when the coordinator traces nothing.
   */
  'traceparent'?: (string);
  '_traceparent'?: "traceparent";
}
