// Original file: proto/cogfleet/v1/generation.proto


export interface ListWorkersRequest {
}

export interface ListWorkersRequest__Output {
}
