// Original file: proto/cogfleet/v1/fleet.proto

import type { ArtifactHeader as _cogfleet_v1_ArtifactHeader, ArtifactHeader__Output as _cogfleet_v1_ArtifactHeader__Output } from '../../cogfleet/v1/ArtifactHeader.js';

export interface ArtifactChunk {
  'header'?: (_cogfleet_v1_ArtifactHeader | null);
  'data'?: (Buffer | Uint8Array | string);
  'chunk'?: "header"|"data";
}

export interface ArtifactChunk__Output {
  'header'?: (_cogfleet_v1_ArtifactHeader__Output | null);
  'data'?: (Buffer);
  'chunk'?: "header"|"data";
}
