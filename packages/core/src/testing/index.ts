export { countingRandom } from "./counting-random.js";
export { ManualClock } from "./manual-clock.js";
