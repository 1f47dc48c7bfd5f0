// Loaded into a worker by --import, and so into its compute thread, which shares its environment: from SIGUSR2 on no run of a
// graph returns, as on a card that has fallen off its bus.
import process from "node:process";
import { isMainThread } from "node:worker_threads";
import { aroundRuns } from "./around-runs.js";

const HANGS = "COGFLEET_TEST_HANGS";

if (isMainThread) process.on("SIGUSR2", () => Object.assign(process.env, { [HANGS]: "1" }));

const forever = new Int32Array(new SharedArrayBuffer(4));

aroundRuns(async (run) => {
  if (process.env[HANGS] !== undefined) Atomics.wait(forever, 0, 0);
  return run();
});
