// Original file: proto/cogfleet/v1/generation.proto

import type { TileList as _cogfleet_v1_TileList, TileList__Output as _cogfleet_v1_TileList__Output } from '../../cogfleet/v1/TileList.js';

/**
 * By rank: numbers of tiles, in raster order. Only for jobs with vae_tiling.
 */
export interface VaeTiles {
  'tiles'?: (_cogfleet_v1_TileList)[];
}

/**
 * By rank: numbers of tiles, in raster order. Only for jobs with vae_tiling.
 */
export interface VaeTiles__Output {
  'tiles': (_cogfleet_v1_TileList__Output)[];
}
