// Original file: proto/cogfleet/v1/generation.proto

import type { VaePlan as _cogfleet_v1_VaePlan, VaePlan__Output as _cogfleet_v1_VaePlan__Output } from '../../cogfleet/v1/VaePlan.js';

/**
 * How a job is spread over its ranks. There are cfg * context of them; rank h * context + i is rank i of half h.
 */
export interface Plan {
  /**
   * 1: one half computes both branches of the guidance. 2: half 0 the negative, half 1 the positive one.
   */
  'cfg'?: (number);
  /**
   * Ranks of a half, which share the token rows, and the heads of each attention.
   */
  'context'?: (number);
  /**
   * Relative speed by rank: rows and heads are dealt in proportion.
   */
  'rates'?: (number | string)[];
  /**
   * Columns of heads in a half's attention. Left out: chosen from the rates.
   */
  'columns'?: (number);
  /**
   * Runs of heads that an attention is cut into, so that transfers run under compute. Left out: 2.
   */
  'parts'?: (number);
  'vae'?: (_cogfleet_v1_VaePlan | null);
  /**
   * Runs that a rank computes its rows in, so that transfers run under them too. Left out: 1.
   */
  'runs'?: (number);
  /**
   * Set: the result is approximate. The activations that ranks exchange are compressed: "bf16" or "int8".
   */
  'activations'?: (string);
  '_columns'?: "columns";
  '_parts'?: "parts";
  '_runs'?: "runs";
  '_activations'?: "activations";
}

/**
 * How a job is spread over its ranks. There are cfg * context of them; rank h * context + i is rank i of half h.
 */
export interface Plan__Output {
  /**
   * 1: one half computes both branches of the guidance. 2: half 0 the negative, half 1 the positive one.
   */
  'cfg': (number);
  /**
   * Ranks of a half, which share the token rows, and the heads of each attention.
   */
  'context': (number);
  /**
   * Relative speed by rank: rows and heads are dealt in proportion.
   */
  'rates': (number)[];
  /**
   * Columns of heads in a half's attention. Left out: chosen from the rates.
   */
  'columns'?: (number);
  /**
   * Runs of heads that an attention is cut into, so that transfers run under compute. Left out: 2.
   */
  'parts'?: (number);
  'vae': (_cogfleet_v1_VaePlan__Output | null);
  /**
   * Runs that a rank computes its rows in, so that transfers run under them too. Left out: 1.
   */
  'runs'?: (number);
  /**
   * Set: the result is approximate. The activations that ranks exchange are compressed: "bf16" or "int8".
   */
  'activations'?: (string);
  '_columns'?: "columns";
  '_parts'?: "parts";
  '_runs'?: "runs";
  '_activations'?: "activations";
}
