import { DEFAULT_PORT } from "./endpoint.js";
import { FlagReader, type RawFlags } from "./flags.js";
import { readWorkerShape, type WorkerShape } from "./fleet/worker-flags.js";

/** What `up` was asked to do. */
export interface UpRequest {
  readonly model: string | undefined;
  readonly port: number;
  readonly data: string | undefined;
  readonly workers: WorkerShape;
}

/** Reads the flags of `up`; `invalid_request` names every one that is wrong. */
export function readUpFlags(raw: RawFlags): UpRequest {
  const flags = new FlagReader(raw);
  const request = {
    model: flags.text("model"),
    port: flags.integer("port", { min: 0, max: 65_535 }) ?? DEFAULT_PORT,
    data: flags.text("data"),
    workers: readWorkerShape(flags),
  };
  flags.require(request.data === undefined || request.data.trim() !== "", "--data must not be blank");
  flags.finish();
  return request;
}
