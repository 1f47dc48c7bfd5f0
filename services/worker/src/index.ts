export { parseWorkerConfig, type WorkerConfig, workerSettings } from "./config.js";
export { type LoadedModel, loadModel, type ModelObserver, type ModelOptions } from "./load-model.js";
export { choosePrecision } from "./precision.js";
export { type RunningWorker, startWorker, type WorkerServiceDeps } from "./start.js";
export type { VideoModel } from "./video-model.js";
