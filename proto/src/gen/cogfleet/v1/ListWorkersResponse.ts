// Original file: proto/cogfleet/v1/generation.proto

import type { Worker as _cogfleet_v1_Worker, Worker__Output as _cogfleet_v1_Worker__Output } from '../../cogfleet/v1/Worker.js';

export interface ListWorkersResponse {
  'workers'?: (_cogfleet_v1_Worker)[];
}

export interface ListWorkersResponse__Output {
  'workers': (_cogfleet_v1_Worker__Output)[];
}
