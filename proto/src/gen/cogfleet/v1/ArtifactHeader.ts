// Original file: proto/cogfleet/v1/fleet.proto

import type { Artifact as _cogfleet_v1_Artifact, Artifact__Output as _cogfleet_v1_Artifact__Output } from '../../cogfleet/v1/Artifact.js';
import type { Long } from '@grpc/proto-loader';

export interface ArtifactHeader {
  'protocolVersion'?: (number);
  'jobId'?: (string);
  'epoch'?: (number | string | Long);
  'artifact'?: (_cogfleet_v1_Artifact | null);
}

export interface ArtifactHeader__Output {
  'protocolVersion': (number);
  'jobId': (string);
  'epoch': (string);
  'artifact': (_cogfleet_v1_Artifact__Output | null);
}
