// Loaded into a worker by --import, and so into its compute thread: each run takes a hundred times as long as it computes, as
// on a device that throttles itself.
import { aroundRuns } from "./around-runs.js";

const TIMES = 100;

const pause = new Int32Array(new SharedArrayBuffer(4));

aroundRuns(async (run) => {
  const from = performance.now();
  const outputs = await run();
  Atomics.wait(pause, 0, 0, (TIMES - 1) * (performance.now() - from));
  return outputs;
});
