// Original file: proto/cogfleet/v1/generation.proto

import type { Limits as _cogfleet_v1_Limits, Limits__Output as _cogfleet_v1_Limits__Output } from '../../cogfleet/v1/Limits.js';

/**
 * A checkpoint that workers have offered: what the gate for requests needs to know of it.
 */
export interface Model {
  'name'?: (string);
  /**
   * sha256 of the checkpoint's configs, lower-case hex.
   */
  'digest'?: (string);
  /**
   * "1.0", "1.5", "i2v-1.0" or "i2v-1.5".
   */
  'variant'?: (string);
  'limits'?: (_cogfleet_v1_Limits | null);
  /**
   * "ddim" or "dpm".
   */
  'defaultScheduler'?: (string);
  'defaultHeight'?: (number);
  'defaultWidth'?: (number);
  'defaultNumFrames'?: (number);
  'defaultFps'?: (number);
  /**
   * Text tokens; when fixed_sequence_length is set no other number is taken.
   */
  'maxTextSeqLength'?: (number);
  'fixedSequenceLength'?: (boolean);
  /**
   * Workers that offer it now.
   */
  'readyWorkers'?: (number);
}

/**
 * A checkpoint that workers have offered: what the gate for requests needs to know of it.
 */
export interface Model__Output {
  'name': (string);
  /**
   * sha256 of the checkpoint's configs, lower-case hex.
   */
  'digest': (string);
  /**
   * "1.0", "1.5", "i2v-1.0" or "i2v-1.5".
   */
  'variant': (string);
  'limits': (_cogfleet_v1_Limits__Output | null);
  /**
   * "ddim" or "dpm".
   */
  'defaultScheduler': (string);
  'defaultHeight': (number);
  'defaultWidth': (number);
  'defaultNumFrames': (number);
  'defaultFps': (number);
  /**
   * Text tokens; when fixed_sequence_length is set no other number is taken.
   */
  'maxTextSeqLength': (number);
  'fixedSequenceLength': (boolean);
  /**
   * Workers that offer it now.
   */
  'readyWorkers': (number);
}
