export type { Dashboard, Panel, Query } from "./dashboards/dashboard.js";
export { DASHBOARDS, renderedDashboards } from "./render-dashboards.js";
export { RUNBOOKS, renderedRules, ruleFile } from "./render-rules.js";
export { RULE_GROUPS } from "./rule-groups.js";
export { type Alert, isAlert, type Recording, type RuleGroup } from "./rules.js";
