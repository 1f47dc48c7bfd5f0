// Original file: proto/cogfleet/v1/fleet.proto


/**
 * Take nothing new, hand back what runs at its next step, and leave.
 */
export interface Drain {
}

/**
 * Take nothing new, hand back what runs at its next step, and leave.
 */
export interface Drain__Output {
}
