// Original file: proto/cogfleet/v1/generation.proto


export interface CancelRequest {
  'jobId'?: (string);
}

export interface CancelRequest__Output {
  'jobId': (string);
}
