// Original file: proto/cogfleet/v1/generation.proto


export interface Limits {
  'minHeight'?: (number);
  'maxHeight'?: (number);
  'minWidth'?: (number);
  'maxWidth'?: (number);
  'maxNumFrames'?: (number);
}

export interface Limits__Output {
  'minHeight': (number);
  'maxHeight': (number);
  'minWidth': (number);
  'maxWidth': (number);
  'maxNumFrames': (number);
}
