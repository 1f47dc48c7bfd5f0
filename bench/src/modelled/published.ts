// Published figures: seconds of a denoise step on one card, both branches of the guidance, 16-bit, 480 x 720, 49 frames
// (xDiT's CogVideoX report; diffusers' own for 1.5), and xDiT's best speed-ups over one card, by cards.
import { ARGUMENTS_480P, RELEASED_MODELS } from "@cogfleet/parallel/testing";

export const CARD = {
  name: "L40",
  model: "5B",
  configs: RELEASED_MODELS["5B"],
  args: ARGUMENTS_480P,
  stepSeconds: 6.28,
  /** xDiT on L40s of one machine: PCIe between the cards, no network. */
  speedups: { 4: 3.63, 6: 4.79, 12: 7.75 },
} as const;
