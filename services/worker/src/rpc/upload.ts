import { ClusterError, orAbort } from "@cogfleet/core";
import { callUnary } from "@cogfleet/service";
import type { ClientWritableStream, ServiceError } from "@grpc/grpc-js";

const CHUNK_BYTES = 1024 * 1024; // far below the 4 MiB that a server takes

type Chunk<Header> = { readonly header: Header } | { readonly data: Buffer };

/** Sends bytes after a header, no faster than the coordinator takes them. Resolves once they are stored. */
export async function upload<Header, Res>(
  open: (done: (error: ServiceError | null, response?: Res) => void) => ClientWritableStream<Chunk<Header>>,
  header: Header,
  data: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  // Ends the sending when the coordinator answers before it has everything: a refusal.
  const answered = new AbortController();
  let sending: Promise<void> | undefined;
  try {
    await callUnary<Res>((done) => {
      const call = open((error, response) => {
        answered.abort(new ClusterError("cancelled", "the upload was answered"));
        done(error, response);
      });
      sending = send(call, header, data, answered.signal);
      sending.catch(() => {}); // what went wrong is the call's answer
      return call;
    }, signal);
  } finally {
    answered.abort(new ClusterError("cancelled", "the upload is over"));
    await sending?.catch(() => {});
  }
}

async function send<Header>(
  call: ClientWritableStream<Chunk<Header>>,
  header: Header,
  data: Uint8Array,
  over: AbortSignal,
): Promise<void> {
  const write = (chunk: Chunk<Header>): Promise<void> =>
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
