export { type CoordinatorConfig, coordinatorSettings, parseCoordinatorConfig } from "./config.js";
export { type CoordinatorDeps, type RunningCoordinator, startCoordinator } from "./start.js";
export type { Stores } from "./stores.js";
