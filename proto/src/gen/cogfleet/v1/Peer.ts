// Original file: proto/cogfleet/v1/fleet.proto


export interface Peer {
  'workerId'?: (string);
  /**
   * host:port where it serves tensors.
   */
  'exchangeAddress'?: (string);
}

export interface Peer__Output {
  'workerId': (string);
  /**
   * host:port where it serves tensors.
   */
  'exchangeAddress': (string);
}
