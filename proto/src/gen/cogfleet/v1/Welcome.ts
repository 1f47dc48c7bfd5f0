// Original file: proto/cogfleet/v1/fleet.proto


/**
 * First message of the coordinator.
 */
export interface Welcome {
  'protocolVersion'?: (number);
  /**
   * A worker beats at this interval; one that is silent for lease_ms is taken for dead.
   */
  'heartbeatMs'?: (number);
  'leaseMs'?: (number);
}

/**
 * First message of the coordinator.
 */
export interface Welcome__Output {
  'protocolVersion': (number);
  /**
   * A worker beats at this interval; one that is silent for lease_ms is taken for dead.
   */
  'heartbeatMs': (number);
  'leaseMs': (number);
}
