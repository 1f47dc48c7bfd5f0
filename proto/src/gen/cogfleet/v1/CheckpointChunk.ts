// Original file: proto/cogfleet/v1/fleet.proto

import type { CheckpointHeader as _cogfleet_v1_CheckpointHeader, CheckpointHeader__Output as _cogfleet_v1_CheckpointHeader__Output } from '../../cogfleet/v1/CheckpointHeader.js';

export interface CheckpointChunk {
  'header'?: (_cogfleet_v1_CheckpointHeader | null);
  'data'?: (Buffer | Uint8Array | string);
  'chunk'?: "header"|"data";
}

export interface CheckpointChunk__Output {
  'header'?: (_cogfleet_v1_CheckpointHeader__Output | null);
  'data'?: (Buffer);
  'chunk'?: "header"|"data";
}
