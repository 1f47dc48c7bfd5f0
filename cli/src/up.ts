import { orAbort } from "@cogfleet/core";
import type { CommandContext } from "./context.js";
import type { ExitCode } from "./exit-code.js";
import { startLocalFleet } from "./fleet/local-fleet.js";
import { serviceStarter } from "./fleet/service-modules.js";
import { workerFlags } from "./fleet/worker-flags.js";
import { chooseFolder } from "./model-choice.js";
import type { UpRequest } from "./up-flags.js";

const STOP_TIMEOUT_MS = 15_000;

/** Runs `cogfleet up`: until it is told to stop, or a service cannot be kept running. */
export async function runUp(request: UpRequest, context: CommandContext): Promise<ExitCode> {
  const { terminal, clock, interrupt } = context;
  const { folder, name } = await chooseFolder(request.model, interrupt);
  const plan = {
    port: request.port,
    coordinatorArgs: request.data === undefined ? [] : ["--data", request.data],
    workers: request.workers.workers,
    workerArgs: workerFlags(request.workers, folder),
  };
  const onNotice = (text: string): void => terminal.err(text);
  const fleet = await startLocalFleet(plan, { clock, start: serviceStarter(clock), onNotice }, interrupt);
  try {
    terminal.out(`coordinator ${fleet.address} (pid ${fleet.coordinatorPid()})`);
    for (const [i, pid] of fleet.workerPids().entries())
      terminal.out(`worker ${i + 1} with model ${name} (pid ${pid})`);
    terminal.out(`try: cogfleet generate --endpoint ${fleet.address} --prompt "a red circle moves right"`);
    await untilAborted(interrupt, fleet.failed);
    terminal.err("stopping");
  } finally {
    await fleet.stop(AbortSignal.timeout(STOP_TIMEOUT_MS));
  }
  return 0;
}

/** Returns when the user stops the command; throws the fleet's failure. */
async function untilAborted(interrupt: AbortSignal, failed: AbortSignal): Promise<void> {
  try {
    await orAbort(new Promise<never>(() => {}), AbortSignal.any([interrupt, failed]));
  } catch (reason) {
    if (!interrupt.aborted) throw reason;
  }
}
