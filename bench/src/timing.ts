import process from "node:process";
import { systemClock } from "@cogfleet/core";

/** Seconds: by the clock, and of all threads of a process. */
export interface Timing {
  readonly wall: number;
  readonly cpu: number;
}

/** Times some work of this process. */
export async function timed(work: () => Promise<unknown>): Promise<Timing> {
  const before = process.cpuUsage();
  const start = systemClock.now();
  await work();
  const wall = (systemClock.now() - start) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { wall, cpu: (user + system) / 1e6 };
}

/** Of ranks that work beside each other: the slowest one's clock, and the time of all. */
export function together(timings: readonly Timing[]): Timing {
  return {
    wall: Math.max(...timings.map(({ wall }) => wall)),
    cpu: timings.reduce((sum, { cpu }) => sum + cpu, 0),
  };
}

/** Of the same work twice. */
export function mean(a: Timing, b: Timing): Timing {
  return { wall: (a.wall + b.wall) / 2, cpu: (a.cpu + b.cpu) / 2 };
}
