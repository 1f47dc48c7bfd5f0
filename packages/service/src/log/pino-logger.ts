import type { Logger } from "@cogfleet/core";
import { destination, pino } from "pino";

export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** JSON lines with epoch milliseconds in `time`; errors under `err` with their causes. */
export function createLogger(options: {
  readonly service: string;
  readonly level: LogLevel;
  readonly output: "stdout" | "stderr";
}): Logger {
  const fd = options.output === "stdout" ? 1 : 2;
  // Synchronous: the line that says why a process ends must not be lost with it.
  return pino({ level: options.level, base: { service: options.service } }, destination({ fd, sync: true }));
}
