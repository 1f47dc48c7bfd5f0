import { ALERTS } from "./alerts.js";
import { RECORDINGS } from "./recordings.js";
import type { RuleGroup } from "./rules.js";

/** All rules. Recordings come first: the alerts of a round see those of the round before, at the latest. */
export const RULE_GROUPS: readonly RuleGroup[] = [
  { name: "cogfleet-recordings", rules: RECORDINGS },
  { name: "cogfleet-jobs", rules: ALERTS.jobs },
  { name: "cogfleet-workers", rules: ALERTS.workers },
  { name: "cogfleet-platform", rules: ALERTS.platform },
];
