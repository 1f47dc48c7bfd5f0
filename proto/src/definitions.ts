import { fileURLToPath } from "node:url";
import { type GrpcObject, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync, type Options, type PackageDefinition } from "@grpc/proto-loader";
import type { ProtoGrpcType as ExchangeTypes } from "./gen/exchange.js";
import type { ProtoGrpcType as FleetTypes } from "./gen/fleet.js";
import type { ProtoGrpcType as GenerationTypes } from "./gen/generation.js";

/** The protocol between coordinator, workers and peers. Raised by every change that an older peer cannot follow. */
export const PROTOCOL_VERSION = 1;

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

function load(file: string): PackageDefinition {
  return loadSync(`cogfleet/v1/${file}`, LOAD_OPTIONS);
}

/** Definitions by file, for the servers' reflection. */
export const generationDefinition = load("generation.proto");
export const fleetDefinition = load("fleet.proto");
export const exchangeDefinition = load("exchange.proto");

function api<T>(definition: PackageDefinition): T {
  return loadPackageDefinition(definition) as GrpcObject as unknown as T;
}

/** Client constructors and service definitions. */
export const generationApi = api<GenerationTypes>(generationDefinition).cogfleet.v1;
export const fleetApi = api<FleetTypes>(fleetDefinition).cogfleet.v1;
export const exchangeApi = api<ExchangeTypes>(exchangeDefinition).cogfleet.v1;
