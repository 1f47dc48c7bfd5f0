// A real video, from a prompt, by a coordinator and two workers started for it; the last line says where it is.
//   npm run demo [-- "a small blue square falls" [more flags of `cogfleet generate`]]
import process from "node:process";

const [first, ...others] = process.argv.slice(2);
const hasPrompt = first !== undefined && !first.startsWith("-");
const prompt = hasPrompt ? first : "a red circle moves right on a black background";
const flags = hasPrompt ? others : process.argv.slice(2);

process.stderr.write(`"${prompt}", with models/demo\n`);
process.argv = [
  process.argv0,
  "cogfleet",
  "generate",
  // Both workers share every step: each computes its rows of the sequence, and they trade them around attention.
  ...["--local", "--workers", "2", "--parallel", "context=2", "--prompt", prompt],
  // The card of models/demo: 1.5 to 3 looks best, 25 steps are enough; size and frames are the checkpoint's own.
  ...["--guidance-scale", "2", "--steps", "25", "--seed", "42", "--output", "demo.mp4"],
  ...flags,
];
await import("../cli/bin/cogfleet.mjs");
