import { ClusterError, orAbort } from "@cogfleet/core";
import { PROTOCOL_VERSION } from "@cogfleet/proto";
import type { ArtifactChunk } from "@cogfleet/proto/gen/cogfleet/v1/ArtifactChunk";
import type { FleetClient } from "@cogfleet/proto/gen/cogfleet/v1/Fleet";
import type { PutArtifactResponse__Output } from "@cogfleet/proto/gen/cogfleet/v1/PutArtifactResponse";
import { callUnary } from "@cogfleet/service";
import type { ClientWritableStream } from "@grpc/grpc-js";
import type { Artifact, AssignmentId } from "../assignment.js";
import { artifactToWire } from "./messages.js";

const CHUNK_BYTES = 1024 * 1024; // far below the 4 MiB that a server takes

/** Sends one artifact, header first, no faster than the coordinator takes it. Resolves once it is stored. */
export async function putArtifact(
  client: FleetClient,
  id: AssignmentId,
  artifact: Artifact,
  data: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  // Ends the sending when the coordinator answers before it has everything: a refusal.
  const answered = new AbortController();
  let sending: Promise<void> | undefined;
  try {
    await callUnary<PutArtifactResponse__Output>((done) => {
      const call = client.putArtifact((error, response) => {
        answered.abort(new ClusterError("cancelled", "the upload was answered"));
        done(error, response);
      });
      const header = { protocolVersion: PROTOCOL_VERSION, ...id, artifact: artifactToWire(artifact) };
      sending = send(call, header, data, answered.signal);
      sending.catch(() => {}); // what went wrong is the call's answer
      return call;
    }, signal);
  } finally {
    answered.abort(new ClusterError("cancelled", "the upload is over"));
    await sending?.catch(() => {});
  }
}

async function send(
  call: ClientWritableStream<ArtifactChunk>,
  header: NonNullable<ArtifactChunk["header"]>,
  data: Uint8Array,
  over: AbortSignal,
): Promise<void> {
  const write = (chunk: ArtifactChunk): Promise<void> =>
    orAbort(
      new Promise((resolve, reject) => {
        call.write(chunk, (error: Error | null | undefined) => (error ? reject(error) : resolve()));
      }),
      over,
    );
  await write({ header });
  for (let at = 0; at < data.length; at += CHUNK_BYTES) {
    const { buffer, byteOffset, length } = data.subarray(at, at + CHUNK_BYTES);
    await write({ data: Buffer.from(buffer, byteOffset, length) }); // shares the memory
  }
  call.end();
}
