// Original file: proto/cogfleet/v1/fleet.proto


/**
 * What a worker measured of the way from a peer to it. Not said when it could not be measured.
 */
export interface LinkMeasured {
  'probeId'?: (string);
  'peerId'?: (string);
  'bytesPerSecond'?: (number | string);
  'latencySeconds'?: (number | string);
}

/**
 * What a worker measured of the way from a peer to it. Not said when it could not be measured.
 */
export interface LinkMeasured__Output {
  'probeId': (string);
  'peerId': (string);
  'bytesPerSecond': (number);
  'latencySeconds': (number);
}
