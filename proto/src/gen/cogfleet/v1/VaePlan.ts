// Original file: proto/cogfleet/v1/generation.proto

import type { VaeSerial as _cogfleet_v1_VaeSerial, VaeSerial__Output as _cogfleet_v1_VaeSerial__Output } from '../../cogfleet/v1/VaeSerial.js';
import type { VaeTemporal as _cogfleet_v1_VaeTemporal, VaeTemporal__Output as _cogfleet_v1_VaeTemporal__Output } from '../../cogfleet/v1/VaeTemporal.js';
import type { VaeTiles as _cogfleet_v1_VaeTiles, VaeTiles__Output as _cogfleet_v1_VaeTiles__Output } from '../../cogfleet/v1/VaeTiles.js';

/**
 * Who decodes what. All ways compute the same bits as one rank.
 */
export interface VaePlan {
  'serial'?: (_cogfleet_v1_VaeSerial | null);
  'temporal'?: (_cogfleet_v1_VaeTemporal | null);
  'tiles'?: (_cogfleet_v1_VaeTiles | null);
  'kind'?: "serial"|"temporal"|"tiles";
}

/**
 * Who decodes what. All ways compute the same bits as one rank.
 */
export interface VaePlan__Output {
  'serial'?: (_cogfleet_v1_VaeSerial__Output | null);
  'temporal'?: (_cogfleet_v1_VaeTemporal__Output | null);
  'tiles'?: (_cogfleet_v1_VaeTiles__Output | null);
  'kind'?: "serial"|"temporal"|"tiles";
}
