import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { cosSin, fifthPower, log } from "./double-double.js";

const uniform = fc.integer({ min: 1, max: 2 ** 53 }).map((n) => n * 2 ** -53);

function assertNextTo(actual: number, wanted: number): void {
  assert.ok(Math.abs(actual - wanted) <= 2 ** -51 * Math.abs(wanted), `${actual} ${wanted}`);
}

const KNOWN = [
  [0.38227093238401527, -0.9616256746938358, -0.7386616796361875],
  [0.15417805318027847, -1.8696471549584979, 0.5663472745415065],
  [0.6824450793904613, -0.3820732249184528, -0.4118288378292719],
  [0.4334863426028414, -0.8358949882109082, -0.9139360661538221],
] as const;

describe("functions to the last bit", () => {
  it("lie within an engine's error of Math's", () => {
    fc.assert(
      fc.property(uniform, (u) => {
        assertNextTo(log(u), Math.log(u));
        assertNextTo(fifthPower(20 * u), (20 * u) ** 5);
        const [cos, sin] = cosSin(2 * Math.PI * u);
        assertNextTo(cos, Math.cos(2 * Math.PI * u));
        assertNextTo(sin, Math.sin(2 * Math.PI * u));
      }),
    );
  });

  // Values where V8's own functions round the wrong way, the right ones computed with 50 digits.
  it("round as they should where Math does not", () => {
    for (const [u, logU, cosU] of KNOWN) {
      assert.equal(log(u), logU);
      assert.equal(cosSin(2 * Math.PI * u)[0], cosU);
    }
  });

  it("hold at the ends", () => {
    assert.equal(log(1), 0);
    assert.equal(log(2 ** -53), -53 * Math.LN2);
    assert.deepEqual(cosSin(0), [1, 0]);
  });
});
