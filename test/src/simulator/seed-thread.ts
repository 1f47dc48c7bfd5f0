// Runs every seed that it is sent, and answers with what it came to.
import { parentPort } from "node:worker_threads";
import { resultOf } from "./report.js";
import { scenarioOf, simulate } from "./simulation.js";

parentPort?.on("message", (seed: number) => {
  simulate(scenarioOf(seed)).then(
    (outcome) => parentPort?.postMessage(resultOf(outcome)),
    (reason: unknown) => {
      throw reason;
    },
  );
});
