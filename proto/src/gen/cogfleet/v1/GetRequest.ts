// Original file: proto/cogfleet/v1/generation.proto


export interface GetRequest {
  'jobId'?: (string);
}

export interface GetRequest__Output {
  'jobId': (string);
}
