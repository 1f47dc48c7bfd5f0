// Original file: proto/cogfleet/v1/fleet.proto


/**
 * Finish what runs, take nothing new.
 */
export interface Drain {
}

/**
 * Finish what runs, take nothing new.
 */
export interface Drain__Output {
}
