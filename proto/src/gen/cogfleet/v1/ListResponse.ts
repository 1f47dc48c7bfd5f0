// Original file: proto/cogfleet/v1/generation.proto

import type { Job as _cogfleet_v1_Job, Job__Output as _cogfleet_v1_Job__Output } from '../../cogfleet/v1/Job.js';

export interface ListResponse {
  'jobs'?: (_cogfleet_v1_Job)[];
  /**
   * Empty on the last page.
   */
  'nextPageToken'?: (string);
}

export interface ListResponse__Output {
  'jobs': (_cogfleet_v1_Job__Output)[];
  /**
   * Empty on the last page.
   */
  'nextPageToken': (string);
}
