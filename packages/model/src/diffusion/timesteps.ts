// Which train timesteps a run of N steps visits (set_timesteps of the CogVideoX schedulers, "trailing" spacing).
import { ClusterError } from "@cogfleet/core";
import { roundHalfEven } from "../half-even.js";

/**
 * `numpy.round(numpy.arange(T, 0, -T / N)) - 1`: from T - 1 down. For some N (61, 103, 121, ...) rounding makes
 * arange one longer, and the list ends in -1.
 */
export function trailingTimesteps(trainTimesteps: number, steps: number): readonly number[] {
  if (!Number.isInteger(steps) || steps < 1 || steps > trainTimesteps)
    throw new ClusterError(
      "invalid_request",
      `num_inference_steps must be an integer from 1 to ${trainTimesteps}, got ${steps}`,
    );
  const ratio = trainTimesteps / steps;
  const length = Math.ceil(-trainTimesteps / -ratio);
  const delta = trainTimesteps - ratio - trainTimesteps; // what arange adds each time, with its rounding
  return Array.from({ length }, (_, i) => roundHalfEven(trainTimesteps + i * delta) - 1);
}

/**
 * The train timestep a step leads to: `t - T // N`. Often not the next one of the list (N = 28, 30, ...), and below 0
 * when no noise is to be left.
 */
export function previousTimestep(timestep: number, trainTimesteps: number, steps: number): number {
  return timestep - Math.floor(trainTimesteps / steps);
}
