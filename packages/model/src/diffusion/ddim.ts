// CogVideoXDDIMScheduler.step (schedulers/scheduling_ddim_cogvideox.py), v-prediction, eta 0.
import type { SchedulerResult, SchedulerStep, StepAlphas } from "./scheduler.js";

const f = Math.fround;

/**
 *   x0     = sqrt(a) x - sqrt(1 - a) v
 *   x_prev = A x + B x0,   A = sqrt((1 - a_prev) / (1 - a)),   B = sqrt(a_prev) - sqrt(a) A
 *
 * Coefficients in float64, rounded once; then float32, left to right: bit for bit what diffusers computes.
 */
export function ddimStep(
  { sample, modelOutput, solver }: SchedulerStep,
  alphas: StepAlphas,
): SchedulerResult {
  const { current: a, previous: aPrev } = alphas;
  const scale = Math.sqrt((1 - aPrev) / (1 - a));
  const A = f(scale);
  const B = f(Math.sqrt(aPrev) - Math.sqrt(a) * scale);
  const predictedX0 = predictX0(sample, modelOutput, a);
  const next = new Float32Array(sample.length);
  for (let i = 0; i < next.length; i++)
    next[i] = f(A * (sample[i] as number)) + f(B * (predictedX0[i] as number));
  return { sample: next, predictedX0, solver };
}

/** `pred_original_sample` for v-prediction: sqrt(a) x - sqrt(1 - a) v. */
export function predictX0(
  sample: Float32Array,
  modelOutput: Float32Array,
  alpha: number,
): Float32Array<ArrayBuffer> {
  const signal = f(Math.sqrt(alpha));
  const noise = f(Math.sqrt(1 - alpha));
  const x0 = new Float32Array(sample.length);
  for (let i = 0; i < x0.length; i++)
    x0[i] = f(signal * (sample[i] as number)) - f(noise * (modelOutput[i] as number));
  return x0;
}
