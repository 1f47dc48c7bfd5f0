export {
  exchangeApi,
  exchangeDefinition,
  fleetApi,
  fleetDefinition,
  generationApi,
  generationDefinition,
  PROTOCOL_VERSION,
} from "./definitions.js";
