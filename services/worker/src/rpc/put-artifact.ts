import { PROTOCOL_VERSION } from "@cogfleet/proto";
import type { FleetClient } from "@cogfleet/proto/gen/cogfleet/v1/Fleet";
import type { Artifact, AssignmentId } from "../assignment.js";
import { artifactToWire } from "./messages.js";
import { upload } from "./upload.js";

/** Sends one artifact. Resolves once it is stored. */
export async function putArtifact(
  client: FleetClient,
  id: AssignmentId,
  artifact: Artifact,
  data: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const header = { protocolVersion: PROTOCOL_VERSION, ...id, artifact: artifactToWire(artifact) };
  await upload((done) => client.putArtifact(done), header, data, signal);
}
