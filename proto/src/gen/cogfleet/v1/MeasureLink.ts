// Original file: proto/cogfleet/v1/fleet.proto

import type { Peer as _cogfleet_v1_Peer, Peer__Output as _cogfleet_v1_Peer__Output } from '../../cogfleet/v1/Peer.js';

/**
 * Measure the way between two idle workers, by a group of two that nothing else uses: both of them are told.
 */
export interface MeasureLink {
  'probeId'?: (string);
  /**
   * The worker's own place, 0 or 1.
   */
  'rank'?: (number);
  /**
   * By rank, the worker itself among them.
   */
  'peers'?: (_cogfleet_v1_Peer)[];
}

/**
 * Measure the way between two idle workers, by a group of two that nothing else uses: both of them are told.
 */
export interface MeasureLink__Output {
  'probeId': (string);
  /**
   * The worker's own place, 0 or 1.
   */
  'rank': (number);
  /**
   * By rank, the worker itself among them.
   */
  'peers': (_cogfleet_v1_Peer__Output)[];
}
