// Original file: proto/cogfleet/v1/fleet.proto

import type { Hello as _cogfleet_v1_Hello, Hello__Output as _cogfleet_v1_Hello__Output } from '../../cogfleet/v1/Hello.js';
import type { Heartbeat as _cogfleet_v1_Heartbeat, Heartbeat__Output as _cogfleet_v1_Heartbeat__Output } from '../../cogfleet/v1/Heartbeat.js';
import type { StageStarted as _cogfleet_v1_StageStarted, StageStarted__Output as _cogfleet_v1_StageStarted__Output } from '../../cogfleet/v1/StageStarted.js';
import type { StepDone as _cogfleet_v1_StepDone, StepDone__Output as _cogfleet_v1_StepDone__Output } from '../../cogfleet/v1/StepDone.js';
import type { AssignmentDone as _cogfleet_v1_AssignmentDone, AssignmentDone__Output as _cogfleet_v1_AssignmentDone__Output } from '../../cogfleet/v1/AssignmentDone.js';
import type { AssignmentFailed as _cogfleet_v1_AssignmentFailed, AssignmentFailed__Output as _cogfleet_v1_AssignmentFailed__Output } from '../../cogfleet/v1/AssignmentFailed.js';
import type { Draining as _cogfleet_v1_Draining, Draining__Output as _cogfleet_v1_Draining__Output } from '../../cogfleet/v1/Draining.js';
import type { LinkMeasured as _cogfleet_v1_LinkMeasured, LinkMeasured__Output as _cogfleet_v1_LinkMeasured__Output } from '../../cogfleet/v1/LinkMeasured.js';

export interface WorkerMessage {
  'hello'?: (_cogfleet_v1_Hello | null);
  'heartbeat'?: (_cogfleet_v1_Heartbeat | null);
  'stageStarted'?: (_cogfleet_v1_StageStarted | null);
  'stepDone'?: (_cogfleet_v1_StepDone | null);
  'assignmentDone'?: (_cogfleet_v1_AssignmentDone | null);
  'assignmentFailed'?: (_cogfleet_v1_AssignmentFailed | null);
  'draining'?: (_cogfleet_v1_Draining | null);
  'linkMeasured'?: (_cogfleet_v1_LinkMeasured | null);
  'message'?: "hello"|"heartbeat"|"stageStarted"|"stepDone"|"assignmentDone"|"assignmentFailed"|"draining"|"linkMeasured";
}

export interface WorkerMessage__Output {
  'hello'?: (_cogfleet_v1_Hello__Output | null);
  'heartbeat'?: (_cogfleet_v1_Heartbeat__Output | null);
  'stageStarted'?: (_cogfleet_v1_StageStarted__Output | null);
  'stepDone'?: (_cogfleet_v1_StepDone__Output | null);
  'assignmentDone'?: (_cogfleet_v1_AssignmentDone__Output | null);
  'assignmentFailed'?: (_cogfleet_v1_AssignmentFailed__Output | null);
  'draining'?: (_cogfleet_v1_Draining__Output | null);
  'linkMeasured'?: (_cogfleet_v1_LinkMeasured__Output | null);
  'message'?: "hello"|"heartbeat"|"stageStarted"|"stepDone"|"assignmentDone"|"assignmentFailed"|"draining"|"linkMeasured";
}
