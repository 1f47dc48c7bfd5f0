// Original file: proto/cogfleet/v1/generation.proto


/**
 * Rank 0 decodes alone.
 */
export interface VaeSerial {
}

/**
 * Rank 0 decodes alone.
 */
export interface VaeSerial__Output {
}
