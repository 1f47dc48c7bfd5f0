// Original file: proto/cogfleet/v1/fleet.proto

import type { Artifact as _cogfleet_v1_Artifact, Artifact__Output as _cogfleet_v1_Artifact__Output } from '../../cogfleet/v1/Artifact.js';
import type { Long } from '@grpc/proto-loader';

export interface AssignmentDone {
  'jobId'?: (string);
  'epoch'?: (number | string | Long);
  /**
   * What was stored by PutArtifact.
   */
  'artifacts'?: (_cogfleet_v1_Artifact)[];
  /**
   * Wall seconds of each stage.
   */
  'encodeSeconds'?: (number | string);
  'denoiseSeconds'?: (number | string);
  'decodeSeconds'?: (number | string);
}

export interface AssignmentDone__Output {
  'jobId': (string);
  'epoch': (string);
  /**
   * What was stored by PutArtifact.
   */
  'artifacts': (_cogfleet_v1_Artifact__Output)[];
  /**
   * Wall seconds of each stage.
   */
  'encodeSeconds': (number);
  'denoiseSeconds': (number);
  'decodeSeconds': (number);
}
