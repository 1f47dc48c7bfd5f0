export { type GroupHarness, type GroupHarnessOptions, groupSuite } from "./group-suite.js";
export { ARGUMENTS_480P, RELEASED_MODELS } from "./released-models.js";
