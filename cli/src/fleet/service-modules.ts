import type { Clock } from "@cogfleet/core";
import type { FleetDeps } from "./local-fleet.js";
import { startServiceProcess } from "./service-process.js";

/** The main module of a service: main.js beside its package's entry. */
export function serviceModule(service: "coordinator" | "worker"): URL {
  const entries = {
    coordinator: import.meta.resolve("@cogfleet/coordinator"),
    worker: import.meta.resolve("@cogfleet/worker"),
  };
  return new URL("main.js", entries[service]);
}

/** Starts the real services. */
export function serviceStarter(clock: Clock): FleetDeps["start"] {
  return (service, command) => startServiceProcess({ ...command, module: serviceModule(service) }, clock);
}
