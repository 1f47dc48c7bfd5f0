// Original file: proto/cogfleet/v1/generation.proto

import type { JobState as _cogfleet_v1_JobState, JobState__Output as _cogfleet_v1_JobState__Output } from '../../cogfleet/v1/JobState.js';

export interface ListRequest {
  /**
   * Jobs in one of these states; empty: all.
   */
  'states'?: (_cogfleet_v1_JobState)[];
  /**
   * Jobs that carry all of these labels.
   */
  'labels'?: ({[key: string]: string});
  /**
   * At most this many, 1 to 1000; 0: 100. Fewer where their prompts are so long that a page would have more than 3 MiB.
   */
  'pageSize'?: (number);
  /**
   * next_page_token of the page before.
   */
  'pageToken'?: (string);
  /**
   * Jobs of this tenant; empty: all.
   */
  'tenant'?: (string);
}

export interface ListRequest__Output {
  /**
   * Jobs in one of these states; empty: all.
   */
  'states': (_cogfleet_v1_JobState__Output)[];
  /**
   * Jobs that carry all of these labels.
   */
  'labels': ({[key: string]: string});
  /**
   * At most this many, 1 to 1000; 0: 100. Fewer where their prompts are so long that a page would have more than 3 MiB.
   */
  'pageSize': (number);
  /**
   * next_page_token of the page before.
   */
  'pageToken': (string);
  /**
   * Jobs of this tenant; empty: all.
   */
  'tenant': (string);
}
