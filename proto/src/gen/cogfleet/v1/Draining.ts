// Original file: proto/cogfleet/v1/fleet.proto


/**
 * The worker leaves once its assignment is over.
 */
export interface Draining {
}

/**
 * The worker leaves once its assignment is over.
 */
export interface Draining__Output {
}
