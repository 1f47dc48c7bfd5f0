import { ClusterError } from "@cogfleet/core";
import { PROTOCOL_VERSION } from "@cogfleet/proto";
import type { FleetClient } from "@cogfleet/proto/gen/cogfleet/v1/Fleet";
import { readStream } from "@cogfleet/service";
import type { AssignmentId, Checkpoint } from "../assignment.js";
import { sha256Of } from "../sha256.js";
import { upload } from "./upload.js";

/** Sends the state after a step. Resolves once it is stored. */
export async function putCheckpoint(
  client: FleetClient,
  id: AssignmentId,
  checkpoint: Checkpoint,
  data: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const header = { protocolVersion: PROTOCOL_VERSION, ...id, checkpoint };
  await upload((done) => client.putCheckpoint(done), header, data, signal);
}

/** Fetches the state that an assignment starts from; `data_loss` unless it is what the coordinator announced. */
export async function getCheckpoint(
  client: FleetClient,
  id: AssignmentId,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const call = client.getCheckpoint({ protocolVersion: PROTOCOL_VERSION, ...id });
  const pieces: Buffer[] = [];
  let announced: { readonly bytes: number; readonly sha256: string } | undefined;
  for await (const { header, data } of readStream(call, signal)) {
    if (header?.checkpoint)
      announced = { bytes: Number(header.checkpoint.bytes), sha256: header.checkpoint.sha256 };
    if (data) pieces.push(data);
  }
  const whole = Buffer.concat(pieces);
  if (whole.length !== announced?.bytes || (await sha256Of(whole, signal)) !== announced.sha256)
    throw new ClusterError("data_loss", `the checkpoint of job ${id.jobId} came damaged`);
  return whole;
}
