import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bytesText, secondsText } from "./quantities.js";

describe("quantities for people", () => {
  it("have three digits and a unit", () => {
    assert.deepEqual([0, 7, 1500, 2.81e9, 3.4567e12, 5e15].map(bytesText), [
      "-",
      "7 B",
      "1.5 kB",
      "2.81 GB",
      "3.46 TB",
      "5000 TB",
    ]);
    assert.deepEqual([0, 5e-6, 0.0012, 45.12, 720, 9000].map(secondsText), [
      "-",
      "5 us",
      "1.2 ms",
      "45.1 s",
      "12 min",
      "2.5 h",
    ]);
  });
});
