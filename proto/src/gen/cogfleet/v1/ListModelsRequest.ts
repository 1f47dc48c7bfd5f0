// Original file: proto/cogfleet/v1/generation.proto


export interface ListModelsRequest {
}

export interface ListModelsRequest__Output {
}
