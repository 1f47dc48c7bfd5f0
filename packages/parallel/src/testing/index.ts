export { type GroupHarness, type GroupHarnessOptions, groupSuite } from "./group-suite.js";
