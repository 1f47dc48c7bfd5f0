// Original file: proto/cogfleet/v1/fleet.proto


/**
 * From the main thread, which never computes.
 */
export interface Heartbeat {
  /**
   * Milliseconds by which the worker's event loop was late at worst since the last beat.
   */
  'eventLoopLagMs'?: (number | string);
  /**
   * Seconds for which it computed in the newest step of what it runs; 0: there was none yet.
   */
  'stepComputeSeconds'?: (number | string);
}

/**
 * From the main thread, which never computes.
 */
export interface Heartbeat__Output {
  /**
   * Milliseconds by which the worker's event loop was late at worst since the last beat.
   */
  'eventLoopLagMs': (number);
  /**
   * Seconds for which it computed in the newest step of what it runs; 0: there was none yet.
   */
  'stepComputeSeconds': (number);
}
