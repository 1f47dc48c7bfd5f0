// Original file: proto/cogfleet/v1/fleet.proto

import type { Model as _cogfleet_v1_Model, Model__Output as _cogfleet_v1_Model__Output } from '../../cogfleet/v1/Model.js';
import type { ModelConfigs as _cogfleet_v1_ModelConfigs, ModelConfigs__Output as _cogfleet_v1_ModelConfigs__Output } from '../../cogfleet/v1/ModelConfigs.js';
import type { Long } from '@grpc/proto-loader';

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
   * host:port where peers pull tensors; empty: none, and no place in a group of several ranks.
   */
  'exchangeAddress'?: (string);
  /**
   * Of each model, by name: what a plan is made from. A model without them runs on one rank only.
   */
  'configs'?: ({[key: string]: _cogfleet_v1_ModelConfigs});
  /**
   * Floating-point operations a second of a matrix product, measured at start; 0: not measured.
   */
  'flopsPerSecond'?: (number | string);
  /**
   * Bytes that computing may take, weights included, as they were free at start; 0: not known.
   */
  'memoryBytes'?: (number | string | Long);
  /**
   * What is loaded of the transformer: "whole", one graph, or "segments"; empty: neither.
   */
  'transformerForm'?: (string);
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
   * host:port where peers pull tensors; empty: none, and no place in a group of several ranks.
   */
  'exchangeAddress': (string);
  /**
   * Of each model, by name: what a plan is made from. A model without them runs on one rank only.
   */
  'configs': ({[key: string]: _cogfleet_v1_ModelConfigs__Output});
  /**
   * Floating-point operations a second of a matrix product, measured at start; 0: not measured.
   */
  'flopsPerSecond': (number);
  /**
   * Bytes that computing may take, weights included, as they were free at start; 0: not known.
   */
  'memoryBytes': (string);
  /**
   * What is loaded of the transformer: "whole", one graph, or "segments"; empty: neither.
   */
  'transformerForm': (string);
}
