// Original file: proto/cogfleet/v1/generation.proto

import type { WorkerState as _cogfleet_v1_WorkerState, WorkerState__Output as _cogfleet_v1_WorkerState__Output } from '../../cogfleet/v1/WorkerState.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';

export interface Worker {
  'id'?: (string);
  'state'?: (_cogfleet_v1_WorkerState);
  /**
   * "cpu", "cuda:0" or "webgpu".
   */
  'device'?: (string);
  /**
   * "fp32", "fp16" or "bf16".
   */
  'precision'?: (string);
  'threads'?: (number);
  'models'?: (string)[];
  /**
   * Empty when idle.
   */
  'jobId'?: (string);
  'hostname'?: (string);
  'pid'?: (number);
  /**
   * Release of the worker, such as "0.1.0".
   */
  'version'?: (string);
  'connectTime'?: (_google_protobuf_Timestamp | null);
}

export interface Worker__Output {
  'id': (string);
  'state': (_cogfleet_v1_WorkerState__Output);
  /**
   * "cpu", "cuda:0" or "webgpu".
   */
  'device': (string);
  /**
   * "fp32", "fp16" or "bf16".
   */
  'precision': (string);
  'threads': (number);
  'models': (string)[];
  /**
   * Empty when idle.
   */
  'jobId': (string);
  'hostname': (string);
  'pid': (number);
  /**
   * Release of the worker, such as "0.1.0".
   */
  'version': (string);
  'connectTime': (_google_protobuf_Timestamp__Output | null);
}
