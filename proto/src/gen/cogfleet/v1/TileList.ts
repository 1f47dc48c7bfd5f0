// Original file: proto/cogfleet/v1/generation.proto


export interface TileList {
  'tiles'?: (number)[];
}

export interface TileList__Output {
  'tiles': (number)[];
}
