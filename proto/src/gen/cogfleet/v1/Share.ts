// Original file: proto/cogfleet/v1/generation.proto


/**
 * [start, start + count).
 */
export interface Share {
  'start'?: (number);
  'count'?: (number);
}

/**
 * [start, start + count).
 */
export interface Share__Output {
  'start': (number);
  'count': (number);
}
