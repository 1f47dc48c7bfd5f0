import process from "node:process";
import { ClusterError, expectLargeBuffers, systemClock, systemRandom } from "@cogfleet/core";
import { createLogger, describeSettings, runService } from "@cogfleet/service";
import { parseWorkerConfig, type WorkerConfig, workerSettings } from "./config.js";
import { type RunningWorker, startWorker } from "./start.js";

const MAX_LINES = 6; // of an error at start

const argv = process.argv.slice(2);
process.noDeprecation = true; // of the libraries: nothing that a user could mend
if (argv.includes("--help") || argv.includes("-h")) {
  console.log(`usage: worker [flags]\n\n${describeSettings(workerSettings)}`);
  process.exit(0);
}
expectLargeBuffers();
let worker: RunningWorker | undefined;
const code = await main(parse());
// ONNX Runtime aborts the process when it exits inside a run: what could not be waited for is killed instead.
if (worker?.isComputing() === true) process.kill(process.pid, "SIGKILL");
process.exit(code);

function parse(): WorkerConfig {
  try {
    return parseWorkerConfig(argv, process.env);
  } catch (reason) {
    complain(ClusterError.from(reason).message);
    process.exit(2);
  }
}

function main(config: WorkerConfig): Promise<number> {
  const log = createLogger({ service: "worker", level: config.logLevel, output: "stderr" });
  return runService({
    process,
    log,
    graceMs: config.graceMs,
    onFailure: complain,
    start: async (signal) => {
      worker = await startWorker(config, { clock: systemClock, random: systemRandom, log }, signal).catch(
        (reason: unknown) => {
          throw asBadInput(ClusterError.from(reason));
        },
      );
      const { id, httpPort } = worker;
      const { pid } = process;
      const host = config.advertise === "auto" ? config.listen : config.advertise;
      console.log(`worker: ${id}, HTTP on http://${host}:${httpPort}, pid ${pid}`);
      process.send?.({ kind: "listening", port: 0, httpPort, pid });
      return worker;
    },
  });
}

/** A checkpoint or a device that is not as asked for is bad input like a wrong flag: exit code 2. */
function asBadInput(error: ClusterError): ClusterError {
  const { code, message } = error;
  if (code !== "invalid_checkpoint" && code !== "unsupported") return error;
  const flag = code === "invalid_checkpoint" ? "--model: " : "";
  return new ClusterError("invalid_config", `${flag}${message}`, { cause: error });
}

function complain(sentence: string): void {
  const lines = `worker: ${sentence}`.split("\n");
  console.error(lines.slice(0, MAX_LINES).join("\n"));
}
