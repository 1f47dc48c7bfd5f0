// Original file: proto/cogfleet/v1/generation.proto


export interface JobError {
  /**
   * Stable snake_case code, such as "numeric_error" or "worker_lost".
   */
  'code'?: (string);
  /**
   * One sentence for a person.
   */
  'message'?: (string);
}

export interface JobError__Output {
  /**
   * Stable snake_case code, such as "numeric_error" or "worker_lost".
   */
  'code': (string);
  /**
   * One sentence for a person.
   */
  'message': (string);
}
