// A few functions to the last bit. JavaScript leaves the accuracy of Math.log and ** to the engine, and V8's are off by
// one in the last place now and then; the C library under torch and Python's math practically never is. A number is
// held as the unevaluated sum of two doubles, [high, low] (Dekker 1971; Shewchuk 1997).

type Pair = readonly [high: number, low: number];

/** a + b exactly, for |a| >= |b|. */
function quickSum(a: number, b: number): Pair {
  const sum = a + b;
  return [sum, b - (sum - a)];
}

/** a + b exactly. */
function sum(a: number, b: number): Pair {
  const s = a + b;
  const v = s - a;
  return [s, a - (s - v) + (b - v)];
}

/** a * b exactly: JavaScript has no fused multiply-add, so both are split into halves of 26 bits. */
function product(a: number, b: number): Pair {
  const p = a * b;
  const [a1, a2] = split(a);
  const [b1, b2] = split(b);
  return [p, a2 * b2 - (p - a1 * b1 - a2 * b1 - a1 * b2)];
}

function split(a: number): Pair {
  const scaled = a * 134217729; // 2^27 + 1
  const high = scaled - (scaled - a);
  return [high, a - high];
}

function add(a: Pair, b: Pair): Pair {
  const [high, low] = sum(a[0], b[0]);
  return quickSum(high, low + a[1] + b[1]);
}

function multiply(a: Pair, b: Pair): Pair {
  const [high, low] = product(a[0], b[0]);
  return quickSum(high, low + a[0] * b[1] + a[1] * b[0]);
}

function divide(a: Pair, b: Pair): Pair {
  const q = a[0] / b[0];
  const rest = add(a, multiply([-q, 0], b));
  return quickSum(q, (rest[0] + rest[1]) / b[0]);
}

/** x^5, rounded once. */
export function fifthPower(x: number): number {
  const square = product(x, x);
  const [high, low] = multiply(multiply(square, square), [x, 0]);
  return high + low;
}

const LN2: Pair = [Math.LN2, 2.3190468138462996e-17];

/** The natural logarithm of a normal number above 0, rounded once. */
export function log(x: number): number {
  let exponent = Math.round(Math.log2(x));
  let z = x / 2 ** exponent;
  if (z > Math.SQRT2) {
    z /= 2;
    exponent += 1;
  } else if (z < Math.SQRT1_2) {
    z *= 2;
    exponent -= 1;
  }
  // ln z = 2 atanh s = 2 (s + s^3 / 3 + s^5 / 5 + ...) with s = (z - 1) / (z + 1), |s| < 0.172
  const s = divide([z - 1, 0], sum(z, 1));
  const square = multiply(s, s);
  let series: Pair = [0, 0];
  for (let k = 41; k >= 1; k -= 2) series = add(multiply(series, square), divide([1, 0], [k, 0]));
  const half = multiply(s, series);
  const [high, low] = add(multiply(LN2, [exponent, 0]), [2 * half[0], 2 * half[1]]);
  return high + low;
}

const HALF_PI: Pair = [Math.PI / 2, 6.123233995736766e-17];

/** Cosine and sine of an angle from 0 to 2 pi, each rounded once. */
export function cosSin(angle: number): readonly [cos: number, sin: number] {
  const quarters = Math.round(angle / HALF_PI[0]);
  const rest = add([angle, 0], multiply(HALF_PI, [-quarters, 0])); // |rest| <= pi / 4
  const [c, s] = [taylor(rest, 0), taylor(rest, 1)];
  switch (quarters % 4) {
    case 0:
      return [c, s];
    case 1:
      return [-s, c];
    case 2:
      return [-c, -s];
    default:
      return [s, -c];
  }
}

/** x^n / n! - x^(n+2) / (n+2)! + ... from n = 0 (the cosine) or n = 1 (the sine). */
function taylor(x: Pair, start: 0 | 1): number {
  const minusSquare = multiply(x, [-x[0], -x[1]]);
  let series: Pair = [1, 0];
  for (let n = start + 24; n > start; n -= 2)
    series = add([1, 0], divide(multiply(series, minusSquare), [n * (n - 1), 0]));
  const [high, low] = start === 0 ? series : multiply(series, x);
  return high + low;
}
