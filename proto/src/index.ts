export {
  exchangeApi,
  fleetApi,
  generationApi,
  PROTOCOL_VERSION,
} from "./definitions.js";
export { fileDescriptors } from "./gen/descriptors.js";
