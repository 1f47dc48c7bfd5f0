// Original file: proto/cogfleet/v1/generation.proto

import type { Share as _cogfleet_v1_Share, Share__Output as _cogfleet_v1_Share__Output } from '../../cogfleet/v1/Share.js';

/**
 * By rank: a run of the chunks of latent frames.
 */
export interface VaeTemporal {
  'chunks'?: (_cogfleet_v1_Share)[];
}

/**
 * By rank: a run of the chunks of latent frames.
 */
export interface VaeTemporal__Output {
  'chunks': (_cogfleet_v1_Share__Output)[];
}
