import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, orAbort } from "@cogfleet/core";
import { openClient } from "../client/open-client.js";
import type { CommandContext } from "../context.js";
import type { ExitCode } from "../exit-code.js";
import type { JobReporter } from "../view/job-reporter.js";
import { startLocalFleet } from "./local-fleet.js";
import { serviceStarter } from "./service-modules.js";
import { type WorkerShape, workerFlags } from "./worker-flags.js";

/** The workers of one command, and the checkpoint they serve. */
export interface OneJobFleet {
  readonly shape: WorkerShape;
  readonly modelFolder: string;
}

const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 50;
// It never leaves this machine, whatever the environment says of others.
const PLAINTEXT = ["cert", "key", "ca", "server-name"].flatMap((part) => [`--tls-${part}`, "none"]);

/**
 * Starts a coordinator and workers in a temporary folder for as long as `use` takes. `use` gets the coordinator's
 * address, and a signal that aborts when the user stops the command or a service cannot be kept running.
 */
export async function withLocalFleet(
  fleet: OneJobFleet,
  context: CommandContext,
  reporter: JobReporter,
  use: (endpoint: string, signal: AbortSignal) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { clock, interrupt } = context;
  const data = await mkdtemp(join(tmpdir(), "cogfleet-"));
  try {
    const plan = {
      port: 0,
      coordinatorArgs: ["--data", data, "--listen", "127.0.0.1", "--http-port", "0", ...PLAINTEXT],
      workers: fleet.shape.workers,
      workerArgs: [...workerFlags(fleet.shape, fleet.modelFolder), ...PLAINTEXT],
    };
    const onNotice = (text: string): void => reporter.notice(text);
    const running = await startLocalFleet(plan, { clock, start: serviceStarter(clock), onNotice }, interrupt);
    try {
      reporter.fleetStarted({
        address: running.address,
        coordinatorPid: running.coordinatorPid(),
        workerPids: running.workerPids(),
      });
      const signal = AbortSignal.any([interrupt, running.failed]);
      await whenOffered(running.address, clock, signal);
      return await use(running.address, signal);
    } finally {
      await running.stop(AbortSignal.timeout(STOP_TIMEOUT_MS));
    }
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}

// A worker is up before the coordinator has taken in what it offers.
async function whenOffered(endpoint: string, clock: Clock, signal: AbortSignal): Promise<void> {
  const client = await openClient({ endpoint, tls: undefined }, clock);
  try {
    for (;;) {
      const models = await orAbort(client.models(signal), signal);
      if (models.some((model) => model.readyWorkers > 0)) return;
      await clock.sleep(POLL_MS, signal);
    }
  } finally {
    client.close();
  }
}
