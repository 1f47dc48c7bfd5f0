import process from "node:process";

/**
 * Keeps ONNX Runtime from gathering usage data for its makers, its default: a device id and a database in the home
 * folder, a log a process in the one for temporary files. It is told so by the environment, which it reads when it is
 * loaded. What the environment says already holds.
 */
export function keepUsagePrivate(): void {
  process.env["ORT_DISABLE_TELEMETRY"] ??= "1";
}
