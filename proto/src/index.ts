export {
  exchangeApi,
  fleetApi,
  generationApi,
  PROTOCOL_VERSION,
  scalerApi,
} from "./definitions.js";
export { fileDescriptors } from "./gen/descriptors.js";
