// Original file: proto/cogfleet/v1/fleet.proto


export interface PutCheckpointResponse {
}

export interface PutCheckpointResponse__Output {
}
