import { fileURLToPath } from "node:url";
import { type GrpcObject, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync, type Options } from "@grpc/proto-loader";
import type { ProtoGrpcType as ExchangeTypes } from "./gen/exchange.js";
import type { ProtoGrpcType as ScalerTypes } from "./gen/externalscaler.js";
import type { ProtoGrpcType as FleetTypes } from "./gen/fleet.js";
import type { ProtoGrpcType as GenerationTypes } from "./gen/generation.js";

/** The protocol between coordinator, workers and peers. Raised by every change that an older peer cannot follow. */
export const PROTOCOL_VERSION = 3;

// The same options as in scripts/generate-protos.mjs: the generated types hold for these only.
const LOAD_OPTIONS: Options = {
  longs: String,
  enums: String,
  defaults: true,
  arrays: true,
  objects: true,
  oneofs: true,
  includeDirs: [fileURLToPath(new URL("../", import.meta.url))],
};

/** Client constructors and service definitions of a file. */
function load<T>(file: string): T {
  return loadPackageDefinition(loadSync(file, LOAD_OPTIONS)) as GrpcObject as unknown as T;
}

export const generationApi = load<GenerationTypes>("cogfleet/v1/generation.proto").cogfleet.v1;
export const fleetApi = load<FleetTypes>("cogfleet/v1/fleet.proto").cogfleet.v1;
export const exchangeApi = load<ExchangeTypes>("cogfleet/v1/exchange.proto").cogfleet.v1;
/** KEDA's, not ours. */
export const scalerApi = load<ScalerTypes>("externalscaler.proto").externalscaler;
