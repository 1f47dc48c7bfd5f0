// CogVideoXDPMScheduler.step (schedulers/scheduling_dpm_cogvideox.py): the stochastic DPM-Solver++ (2M), v-prediction.
import { predictX0 } from "./ddim.js";
import type { SchedulerResult, SchedulerStep, StepAlphas } from "./scheduler.js";

const f = Math.fround;

/**
 *   lambda = ln sqrt(a / (1 - a)),   h = lambda_prev - lambda,   r = (lambda - lambda_back) / h
 *   x_prev = m1 x - m2 D + c n,   m1 = sqrt((1 - a_prev) / (1 - a)) exp(-h),   m2 = expm1(-2 h) sqrt(a_prev),
 *            c = sqrt(1 - a_prev) sqrt(1 - exp(-2 h))
 *   D = x0, or from the second step on (1 + 1 / (2 r)) x0 - 1 / (2 r) x0_old
 *
 * The infinities at a = 0 and a_prev = 1 come out right by IEEE rules. Coefficients in float64, rounded once; then
 * float32, left to right: bit for bit what diffusers computes. Like there, a step with a D of second order draws
 * noise twice and uses the second draw.
 */
export function dpmStep(step: SchedulerStep, alphas: StepAlphas): SchedulerResult {
  const { sample, modelOutput, solver, noise } = step;
  const { current: a, previous: aPrev, back, last } = alphas;
  const lambda = logSnr(a);
  const h = logSnr(aPrev) - lambda;
  const m1 = f(Math.sqrt((1 - aPrev) / (1 - a)) * Math.exp(-h));
  const m2 = f(Math.expm1(-2 * h) * Math.sqrt(aPrev));
  const c = f(Math.sqrt(1 - aPrev) * Math.sqrt(1 - Math.exp(-2 * h)));

  const predictedX0 = predictX0(sample, modelOutput, a);
  const { previousX0 } = solver;
  let denoised = predictedX0;
  let n = noise();
  if (previousX0 !== undefined && back !== undefined && !last) {
    const r = (lambda - logSnr(back)) / h;
    denoised = extrapolate(predictedX0, previousX0, r);
    n = noise();
  }
  const next = new Float32Array(sample.length);
  for (let i = 0; i < next.length; i++)
    next[i] = f(f(m1 * (sample[i] as number)) - f(m2 * (denoised[i] as number))) + f(c * (n[i] as number));
  return { sample: next, predictedX0, solver: { previousX0: predictedX0 } };
}

/** lambda: the logarithm of the signal-to-noise ratio, halved. */
function logSnr(alpha: number): number {
  return Math.log(Math.sqrt(alpha / (1 - alpha)));
}

function extrapolate(x0: Float32Array, x0Old: Float32Array, r: number): Float32Array<ArrayBuffer> {
  const m3 = f(1 + 1 / (2 * r));
  const m4 = f(1 / (2 * r));
  const out = new Float32Array(x0.length);
  for (let i = 0; i < out.length; i++) out[i] = f(m3 * (x0[i] as number)) - f(m4 * (x0Old[i] as number));
  return out;
}
