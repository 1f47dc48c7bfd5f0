export { countingRandom } from "./counting-random.js";
export { freePort, freePorts } from "./free-ports.js";
export { ManualClock } from "./manual-clock.js";
