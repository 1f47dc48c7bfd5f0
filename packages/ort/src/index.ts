export type { ComputeRuntime, OnRun } from "./compute-client.js";
export { type Device, deviceName, parseDevice, type RuntimeOptions } from "./device.js";
export { startProcessRuntime } from "./process-runtime.js";
export { startThreadRuntime } from "./thread-runtime.js";
