// The noise schedule (schedulers/scheduling_ddim_cogvideox.py: betas, SNR shift, rescale_zero_terminal_snr).
import type { SchedulerConfig } from "../checkpoint/configs.js";

/**
 * `alphas_cumprod`: the share of the signal that is left at each train timestep, float64 [num_train_timesteps].
 * In float64 like diffusers, in its order of operations, so that the bits agree.
 */
export function alphasCumprod(config: SchedulerConfig): Float64Array {
  const alphas = new Float64Array(config.numTrainTimesteps);
  let product = 1;
  for (const [i, beta] of betas(config).entries()) {
    product *= 1 - beta;
    alphas[i] = product;
  }
  const s = config.snrShiftScale;
  for (const [i, a] of alphas.entries()) alphas[i] = a / (s + (1 - s) * a);
  return config.rescaleBetasZeroSnr ? rescaleZeroTerminalSnr(alphas) : alphas;
}

/** Square roots spread evenly from sqrt(beta_start) to sqrt(beta_end), squared ("scaled_linear"). */
function betas({ betaStart, betaEnd, numTrainTimesteps: count }: SchedulerConfig): Float64Array {
  return linspace(Math.sqrt(betaStart), Math.sqrt(betaEnd), count).map((root) => root * root);
}

/** torch.linspace in float64: the first half counts up from the start, the second half down from the end. */
function linspace(start: number, end: number, count: number): Float64Array {
  const step = (end - start) / (count - 1);
  return new Float64Array(count).map((_, i) =>
    i < count >> 1 ? start + step * i : end - step * (count - 1 - i),
  );
}

/** Shifts and stretches the square roots so that nothing of the signal is left at the last timestep. */
function rescaleZeroTerminalSnr(alphas: Float64Array): Float64Array {
  const roots = alphas.map(Math.sqrt);
  const first = roots[0] as number;
  const last = roots[roots.length - 1] as number;
  const stretch = first / (first - last);
  return roots.map((root) => (root - last) * stretch).map((root) => root * root); // ** 2 rounds otherwise in V8
}
