// Original file: proto/cogfleet/v1/fleet.proto

import type { Model as _cogfleet_v1_Model, Model__Output as _cogfleet_v1_Model__Output } from '../../cogfleet/v1/Model.js';

/**
 * First message of a worker.
 */
export interface Hello {
  'protocolVersion'?: (number);
  'workerId'?: (string);
  'device'?: (string);
  'precision'?: (string);
  'threads'?: (number);
  'models'?: (_cogfleet_v1_Model)[];
  'hostname'?: (string);
  'pid'?: (number);
  'version'?: (string);
  /**
   * host:port where peers pull tensors; empty: none.
   */
  'exchangeAddress'?: (string);
}

/**
 * First message of a worker.
 */
export interface Hello__Output {
  'protocolVersion': (number);
  'workerId': (string);
  'device': (string);
  'precision': (string);
  'threads': (number);
  'models': (_cogfleet_v1_Model__Output)[];
  'hostname': (string);
  'pid': (number);
  'version': (string);
  /**
   * host:port where peers pull tensors; empty: none.
   */
  'exchangeAddress': (string);
}
