// Original file: proto/cogfleet/v1/fleet.proto


export interface PutArtifactResponse {
}

export interface PutArtifactResponse__Output {
}
