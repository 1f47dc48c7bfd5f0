/** Whether no value is NaN or infinite. One pass without a call per value: a video has hundreds of millions. */
export function isFiniteEverywhere(values: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) * 0; // 0, or NaN for what is not finite
  return sum === 0;
}
