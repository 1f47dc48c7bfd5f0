// Original file: proto/cogfleet/v1/generation.proto


export interface DrainWorkerRequest {
  'workerId'?: (string);
}

export interface DrainWorkerRequest__Output {
  'workerId': (string);
}
