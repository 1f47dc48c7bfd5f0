import assert from "node:assert/strict";
import { it } from "node:test";
import { posteriorDraw, posteriorMode, scaleImageLatents } from "./posterior.js";

const moments = Float32Array.of(1, 2, 3, 0, -100, 100); // three means, three logarithms of variances

it("draws around the mean, with the logarithm of the variance kept from -30 to 20", () => {
  const draw = posteriorDraw(moments, (count) => new Float32Array(count).fill(2));
  const spread = (logvar: number): number => Math.fround(2 * Math.fround(Math.exp(logvar / 2)));
  assert.deepEqual([...draw], [3, Math.fround(2 + spread(-30)), Math.fround(3 + spread(20))]);
});

it("asks for one number per latent", () => {
  const asked: number[] = [];
  posteriorDraw(moments, (count) => {
    asked.push(count);
    return new Float32Array(count);
  });
  assert.deepEqual(asked, [3]);
});

it("has its mode at the mean", () => {
  assert.deepEqual([...posteriorMode(moments)], [1, 2, 3]);
});

it("multiplies by the scaling factor, or divides where the config inverts it", () => {
  const latents = Float32Array.of(1, -2);
  assert.deepEqual(
    [...scaleImageLatents(latents, { scalingFactor: 0.5, invertScaleLatents: false })],
    [0.5, -1],
  );
  assert.deepEqual(
    [...scaleImageLatents(latents, { scalingFactor: 0.5, invertScaleLatents: true })],
    [2, -4],
  );
});
