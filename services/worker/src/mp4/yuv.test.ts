import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type ColourMatrix, colourMatrixFor, rgbToYuv420 } from "./yuv.js";

/** What a player computes: studio range to full range RGB. */
function rgbOf([y = 0, cb = 0, cr = 0]: readonly number[], matrix: ColourMatrix): number[] {
  const [kr, kb] = matrix === "bt601" ? [0.299, 0.114] : [0.2126, 0.0722];
  const luma = ((y - 16) * 255) / 219;
  const r = luma + ((cr - 128) * 255 * (2 - 2 * kr)) / 224;
  const b = luma + ((cb - 128) * 255 * (2 - 2 * kb)) / 224;
  return [r, (luma - kr * r - kb * b) / (1 - kr - kb), b];
}

function solid(rgb: readonly number[], height: number, width: number): Uint8Array {
  return Uint8Array.from({ length: height * width * 3 }, (_, i) => rgb[i % 3] as number);
}

describe("rgbToYuv420", () => {
  it("gives the standard's values for black, white and the primaries", () => {
    const yuv = (rgb: number[], matrix: ColourMatrix): number[] => {
      const planes = rgbToYuv420(solid(rgb, 2, 2), 2, 2, matrix);
      return [planes[0], planes[4], planes[5]].map(Number);
    };
    assert.deepEqual(yuv([0, 0, 0], "bt601"), [16, 128, 128]);
    assert.deepEqual(yuv([255, 255, 255], "bt709"), [235, 128, 128]);
    assert.deepEqual(yuv([255, 0, 0], "bt601"), [81, 90, 240]); // the EBU's 100 % bars
    assert.deepEqual(yuv([0, 0, 255], "bt709"), [32, 240, 118]);
  });

  it("can be turned back within the rounding of eight bits, for any colour", () => {
    const level = fc.nat(255);
    fc.assert(
      fc.property(
        fc.tuple(level, level, level),
        fc.constantFrom<ColourMatrix>("bt601", "bt709"),
        (rgb, matrix) => {
          const planes = rgbToYuv420(solid(rgb, 4, 4), 4, 4, matrix);
          const back = rgbOf([Number(planes[0]), Number(planes[16]), Number(planes[20])], matrix);
          for (const [c, value] of back.entries())
            assert.ok(Math.abs(value - (rgb[c] as number)) < 2.5, `${rgb} came back as ${back}`);
        },
      ),
    );
  });

  it("keeps luma where it is and puts chroma at the left of its two columns", () => {
    // One red column at x = 2 of a black frame.
    const [height, width] = [2, 8];
    const rgb = new Uint8Array(height * width * 3);
    for (let y = 0; y < height; y++) rgb[(y * width + 2) * 3] = 255;
    const planes = rgbToYuv420(rgb, height, width, "bt601");
    assert.deepEqual([...planes.subarray(0, 8)], [16, 16, 81, 16, 16, 16, 16, 16]);
    assert.deepEqual([...planes.subarray(20, 24)], [128, 184, 128, 128]); // Cr: half of 112 at j = 1 only
  });
});

describe("colourMatrixFor", () => {
  it("is what players guess from the size", () => {
    assert.deepEqual([16, 480, 719, 720, 768].map(colourMatrixFor), [
      "bt601",
      "bt601",
      "bt601",
      "bt709",
      "bt709",
    ]);
  });
});
