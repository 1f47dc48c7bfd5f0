// Original file: proto/cogfleet/v1/generation.proto

import type { ArtifactKind as _cogfleet_v1_ArtifactKind, ArtifactKind__Output as _cogfleet_v1_ArtifactKind__Output } from '../../cogfleet/v1/ArtifactKind.js';
import type { Long } from '@grpc/proto-loader';

export interface Artifact {
  'kind'?: (_cogfleet_v1_ArtifactKind);
  'bytes'?: (number | string | Long);
  /**
   * Lower-case hex.
   */
  'sha256'?: (string);
  /**
   * MIME type, such as "video/mp4".
   */
  'mediaType'?: (string);
}

export interface Artifact__Output {
  'kind': (_cogfleet_v1_ArtifactKind__Output);
  'bytes': (string);
  /**
   * Lower-case hex.
   */
  'sha256': (string);
  /**
   * MIME type, such as "video/mp4".
   */
  'mediaType': (string);
}
