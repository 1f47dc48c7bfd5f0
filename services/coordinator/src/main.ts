import process from "node:process";
import { ClusterError, systemClock, systemRandom } from "@cogfleet/core";
import { createLogger, describeSettings, runService } from "@cogfleet/service";
import { type CoordinatorConfig, coordinatorSettings, parseCoordinatorConfig } from "./config.js";
import { startCoordinator } from "./start.js";

const argv = process.argv.slice(2);
process.noDeprecation = true; // of the libraries: nothing that a user could mend
if (argv.includes("--help") || argv.includes("-h")) {
  console.log(`usage: coordinator [flags]\n\n${describeSettings(coordinatorSettings)}`);
  process.exit(0);
}
process.exit(await main(parse()));

function parse(): CoordinatorConfig {
  try {
    return parseCoordinatorConfig(argv, process.env);
  } catch (reason) {
    console.error(`coordinator: ${ClusterError.from(reason).message}`);
    process.exit(2);
  }
}

function main(config: CoordinatorConfig): Promise<number> {
  // stdout carries the one line that says where we listen.
  const log = createLogger({ service: "coordinator", level: config.logLevel, output: "stderr" });
  return runService({
    process,
    log,
    graceMs: config.graceMs,
    onFailure: (sentence) => console.error(`coordinator: ${sentence}`),
    start: async () => {
      const coordinator = await startCoordinator(config, { clock: systemClock, random: systemRandom, log });
      const { port, httpPort } = coordinator;
      const { pid } = process;
      const host = config.listen.includes(":") ? `[${config.listen}]` : config.listen;
      console.log(`coordinator: gRPC on ${host}:${port}, HTTP on http://${host}:${httpPort}, pid ${pid}`);
      process.send?.({ kind: "listening", port, httpPort, pid });
      return coordinator;
    },
  });
}
