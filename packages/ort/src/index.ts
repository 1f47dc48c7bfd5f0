export type { Device, RuntimeOptions } from "./device.js";
export { startThreadRuntime } from "./thread-runtime.js";
