import { type RunningCommand, startCommand } from "./command.js";

/** `cogfleet up`, its processes by pid. */
export interface Up {
  readonly command: RunningCommand;
  readonly endpoint: string;
  readonly coordinator: number;
  readonly workers: readonly number[];
}

/** Starts it with workers of the demo model; all of them run when this resolves. */
export async function up(workers: number, data: string): Promise<Up> {
  const command = startCommand("up", "--workers", String(workers), "--port", "0", "--data", data);
  const [, endpoint = "", pid] = await command.line(/^coordinator (\S+) \(pid (\d+)\)/);
  const pids: number[] = [];
  for (let i = 1; i <= workers; i++) {
    const [, worker] = await command.line(new RegExp(`^worker ${i} with model demo \\(pid (\\d+)\\)`));
    pids.push(Number(worker));
  }
  return { command, endpoint, coordinator: Number(pid), workers: pids };
}
