// Original file: proto/cogfleet/v1/exchange.proto


export interface Beat {
  /**
   * In the first beat: a file of the watched process's shared memory, and its content. Who can read it is on the same host.
   */
  'probePath'?: (string);
  'probeContent'?: (string);
  /**
   * The last beat of a rank that has finished.
   */
  'hasLeft'?: (boolean);
  /**
   * The last beat of a rank whose group has ended: why, and which rank was the first to go.
   */
  'failure'?: (string);
  'failedRank'?: (number);
}

export interface Beat__Output {
  /**
   * In the first beat: a file of the watched process's shared memory, and its content. Who can read it is on the same host.
   */
  'probePath': (string);
  'probeContent': (string);
  /**
   * The last beat of a rank that has finished.
   */
  'hasLeft': (boolean);
  /**
   * The last beat of a rank whose group has ended: why, and which rank was the first to go.
   */
  'failure': (string);
  'failedRank': (number);
}
