// Original file: proto/cogfleet/v1/generation.proto

import type { Model as _cogfleet_v1_Model, Model__Output as _cogfleet_v1_Model__Output } from '../../cogfleet/v1/Model.js';

export interface ListModelsResponse {
  'models'?: (_cogfleet_v1_Model)[];
}

export interface ListModelsResponse__Output {
  'models': (_cogfleet_v1_Model__Output)[];
}
