// Original file: proto/cogfleet/v1/generation.proto

import type { Share as _cogfleet_v1_Share, Share__Output as _cogfleet_v1_Share__Output } from '../../cogfleet/v1/Share.js';

/**
 * The part of one rank in a job.
 */
export interface RankPart {
  'rank'?: (number);
  'workerId'?: (string);
  /**
   * Of the guidance: 0 the negative branch, 1 the positive one; 0 when one half computes both.
   */
  'half'?: (number);
  'halves'?: (number);
  /**
   * Rows of the joint sequence of text and video tokens; unset when the coordinator does not know the model's sizes.
   */
  'rows'?: (_cogfleet_v1_Share | null);
  /**
   * Chunks of latent frames that it decodes; unset: none, or tiles, or not known.
   */
  'chunks'?: (_cogfleet_v1_Share | null);
  /**
   * Tiles that it decodes, by their numbers in raster order. A tile may be several ranks'.
   */
  'tiles'?: (number)[];
}

/**
 * The part of one rank in a job.
 */
export interface RankPart__Output {
  'rank': (number);
  'workerId': (string);
  /**
   * Of the guidance: 0 the negative branch, 1 the positive one; 0 when one half computes both.
   */
  'half': (number);
  'halves': (number);
  /**
   * Rows of the joint sequence of text and video tokens; unset when the coordinator does not know the model's sizes.
   */
  'rows': (_cogfleet_v1_Share__Output | null);
  /**
   * Chunks of latent frames that it decodes; unset: none, or tiles, or not known.
   */
  'chunks': (_cogfleet_v1_Share__Output | null);
  /**
   * Tiles that it decodes, by their numbers in raster order. A tile may be several ranks'.
   */
  'tiles': (number)[];
}
