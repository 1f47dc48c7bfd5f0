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
  /**
   * Seconds for which the run under way of a graph, of transformer or VAE, has lasted; 0: none is. It may be of an
   * assignment that is over: a run cannot be stopped.
   */
  'runSeconds'?: (number | string);
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
  /**
   * Seconds for which the run under way of a graph, of transformer or VAE, has lasted; 0: none is. It may be of an
   * assignment that is over: a run cannot be stopped.
   */
  'runSeconds': (number);
}
