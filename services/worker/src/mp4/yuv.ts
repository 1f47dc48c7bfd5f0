// RGB to the 4:2:0 planes that H.264 carries. H W pixels; studio range: Y 16-235, Cb and Cr 16-240.

/**
 * The colour matrix that players assume for a size when a file does not say: BT.601 below 720 lines, BT.709 from
 * there on. Ours say so too, but a player that ignores it shall still show the right colours.
 */
export type ColourMatrix = "bt601" | "bt709";

export function colourMatrixFor(height: number): ColourMatrix {
  return height < 720 ? "bt601" : "bt709";
}

/** Weights of red and blue in luma (ITU-R BT.601-7 and BT.709-6, item 3.2). */
const LUMA = { bt601: { kr: 0.299, kb: 0.114 }, bt709: { kr: 0.2126, kb: 0.0722 } } as const;

/**
 * One frame, uint8 [H, W, 3] to planes Y [H, W], Cb [H/2, W/2], Cr [H/2, W/2], one after the other. H and W are even.
 * Chroma is sited as H.264 has it by default: on the left column of its 2x2 pixels, midway between the two rows.
 */
export function rgbToYuv420(
  rgb: Uint8Array,
  height: number,
  width: number,
  matrix: ColourMatrix,
): Uint8Array {
  const { kr, kb } = LUMA[matrix];
  const kg = 1 - kr - kb;
  const size = height * width;
  const planes = new Uint8Array(size + size / 2);
  const cb = new Float32Array(size); // full resolution, B - Y and R - Y scaled to +-112
  const cr = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const r = rgb[3 * i] as number;
    const g = rgb[3 * i + 1] as number;
    const b = rgb[3 * i + 2] as number;
    const y = kr * r + kg * g + kb * b;
    planes[i] = Math.round(16 + (219 / 255) * y);
    cb[i] = ((b - y) / (2 - 2 * kb)) * (224 / 255);
    cr[i] = ((r - y) / (2 - 2 * kr)) * (224 / 255);
  }
  halve(cb, planes.subarray(size, size + size / 4), height, width);
  halve(cr, planes.subarray(size + size / 4), height, width);
  return planes;
}

/** [H, W] to [H/2, W/2]: weights 1 2 1 across the columns around x = 2j, 1 1 over the two rows. */
function halve(full: Float32Array, half: Uint8Array, height: number, width: number): void {
  for (let i = 0; i < height / 2; i++) {
    for (let j = 0; j < width / 2; j++) {
      let sum = 0;
      for (let row = 2 * i; row < 2 * i + 2; row++) {
        const at = row * width + 2 * j;
        const left = full[j === 0 ? at : at - 1] as number;
        sum += left + 2 * (full[at] as number) + (full[at + 1] as number);
      }
      half[i * (width / 2) + j] = Math.round(128 + sum / 8);
    }
  }
}
