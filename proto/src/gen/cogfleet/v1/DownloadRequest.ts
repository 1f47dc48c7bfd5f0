// Original file: proto/cogfleet/v1/generation.proto

import type { ArtifactKind as _cogfleet_v1_ArtifactKind, ArtifactKind__Output as _cogfleet_v1_ArtifactKind__Output } from '../../cogfleet/v1/ArtifactKind.js';
import type { Long } from '@grpc/proto-loader';

export interface DownloadRequest {
  'jobId'?: (string);
  /**
   * First byte wanted, 0 to the artifact's size.
   */
  'offset'?: (number | string | Long);
  /**
   * Default: the video.
   */
  'kind'?: (_cogfleet_v1_ArtifactKind);
}

export interface DownloadRequest__Output {
  'jobId': (string);
  /**
   * First byte wanted, 0 to the artifact's size.
   */
  'offset': (string);
  /**
   * Default: the video.
   */
  'kind': (_cogfleet_v1_ArtifactKind__Output);
}
