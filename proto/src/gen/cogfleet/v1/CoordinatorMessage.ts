// Original file: proto/cogfleet/v1/fleet.proto

import type { Welcome as _cogfleet_v1_Welcome, Welcome__Output as _cogfleet_v1_Welcome__Output } from '../../cogfleet/v1/Welcome.js';
import type { Assign as _cogfleet_v1_Assign, Assign__Output as _cogfleet_v1_Assign__Output } from '../../cogfleet/v1/Assign.js';
import type { CancelAssignment as _cogfleet_v1_CancelAssignment, CancelAssignment__Output as _cogfleet_v1_CancelAssignment__Output } from '../../cogfleet/v1/CancelAssignment.js';
import type { Drain as _cogfleet_v1_Drain, Drain__Output as _cogfleet_v1_Drain__Output } from '../../cogfleet/v1/Drain.js';
import type { YieldAssignment as _cogfleet_v1_YieldAssignment, YieldAssignment__Output as _cogfleet_v1_YieldAssignment__Output } from '../../cogfleet/v1/YieldAssignment.js';
import type { MeasureLink as _cogfleet_v1_MeasureLink, MeasureLink__Output as _cogfleet_v1_MeasureLink__Output } from '../../cogfleet/v1/MeasureLink.js';

export interface CoordinatorMessage {
  'welcome'?: (_cogfleet_v1_Welcome | null);
  'assign'?: (_cogfleet_v1_Assign | null);
  'cancelAssignment'?: (_cogfleet_v1_CancelAssignment | null);
  'drain'?: (_cogfleet_v1_Drain | null);
  'yieldAssignment'?: (_cogfleet_v1_YieldAssignment | null);
  'measureLink'?: (_cogfleet_v1_MeasureLink | null);
  'message'?: "welcome"|"assign"|"cancelAssignment"|"drain"|"yieldAssignment"|"measureLink";
}

export interface CoordinatorMessage__Output {
  'welcome'?: (_cogfleet_v1_Welcome__Output | null);
  'assign'?: (_cogfleet_v1_Assign__Output | null);
  'cancelAssignment'?: (_cogfleet_v1_CancelAssignment__Output | null);
  'drain'?: (_cogfleet_v1_Drain__Output | null);
  'yieldAssignment'?: (_cogfleet_v1_YieldAssignment__Output | null);
  'measureLink'?: (_cogfleet_v1_MeasureLink__Output | null);
  'message'?: "welcome"|"assign"|"cancelAssignment"|"drain"|"yieldAssignment"|"measureLink";
}
