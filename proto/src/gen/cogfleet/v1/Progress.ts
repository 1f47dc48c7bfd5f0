// Original file: proto/cogfleet/v1/generation.proto

import type { Stage as _cogfleet_v1_Stage, Stage__Output as _cogfleet_v1_Stage__Output } from '../../cogfleet/v1/Stage.js';

export interface Progress {
  'stage'?: (_cogfleet_v1_Stage);
  /**
   * Denoising steps done and in all.
   */
  'step'?: (number);
  'steps'?: (number);
}

export interface Progress__Output {
  'stage': (_cogfleet_v1_Stage__Output);
  /**
   * Denoising steps done and in all.
   */
  'step': (number);
  'steps': (number);
}
