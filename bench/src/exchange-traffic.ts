import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import { neverAborts } from "@cogfleet/core";
import type { GrpcGroup } from "@cogfleet/exchange";
import { whole } from "@cogfleet/parallel";

/** What both processes of the exchange benchmark know. */
export const TRAFFIC = {
  /** A message: query, key and value of half the rows and heads of the 5B model at 480p, in float16, are 51 MB. */
  messageBytes: 48 * 1024 * 1024,
  messages: 6,
  /** Under way at a time, as head groups of one exchange are. */
  abreast: 2,
  frameBytes: 1024 * 1024,
} as const;

export const EXCHANGE_PEER = fileURLToPath(new URL("./exchange-peer.js", import.meta.url));

/** Rank 1's part of a round. */
export async function sendAll(group: GrpcGroup, source: Uint8Array): Promise<void> {
  await abreast((i) => group.send(0, `m${i}`, [whole(source)], neverAborts));
}

/** Rank 0's part of a round. */
export async function receiveAll(group: GrpcGroup, into: readonly Uint8Array[]): Promise<void> {
  await abreast((i, lane) => group.recv(1, `m${i}`, [whole(into[lane] as Uint8Array)], neverAborts));
}

async function abreast(message: (index: number, lane: number) => Promise<void>): Promise<void> {
  const lanes = Array.from({ length: TRAFFIC.abreast }, async (_, lane) => {
    for (let i = lane; i < TRAFFIC.messages; i += TRAFFIC.abreast) await message(i, lane);
  });
  await Promise.all(lanes);
}

const HEADER_BYTES = 4;

/** Serves a round's bytes to everyone who connects: frames, each behind its CRC-32. */
export async function serveRaw(
  source: Uint8Array,
): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer((socket) => {
    writeRaw(socket, source).catch(() => socket.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return { server, port: typeof address === "object" && address !== null ? address.port : 0 };
}

async function writeRaw(socket: Socket, source: Uint8Array): Promise<void> {
  socket.setNoDelay(true);
  for (let message = 0; message < TRAFFIC.messages; message++) {
    for (let at = 0; at < source.length; at += TRAFFIC.frameBytes) {
      const frame = source.subarray(at, at + TRAFFIC.frameBytes);
      const header = Buffer.alloc(HEADER_BYTES);
      header.writeUInt32LE(crc32(frame));
      socket.write(header);
      if (!socket.write(frame)) await once(socket, "drain");
    }
  }
  socket.end();
}

/** Reads a round from `serveRaw`, checks and places every byte. `readBytes` 0 reads as Node does by itself, 64 KiB. */
export async function readRaw(port: number, into: Uint8Array, readBytes: number): Promise<void> {
  const header = Buffer.alloc(HEADER_BYTES);
  let headerDone = 0;
  let frameLeft = 0;
  let crc = 0;
  let total = 0;
  const take = (chunk: Uint8Array): void => {
    for (let at = 0; at < chunk.length; ) {
      if (frameLeft === 0) {
        header[headerDone++] = chunk[at++] as number;
        if (headerDone < HEADER_BYTES) continue;
        headerDone = 0;
        crc = 0;
        frameLeft = Math.min(TRAFFIC.frameBytes, into.length - (total % into.length));
      }
      const part = chunk.subarray(at, at + frameLeft);
      crc = crc32(part, crc);
      into.set(part, total % into.length);
      at += part.length;
      total += part.length;
      frameLeft -= part.length;
      if (frameLeft === 0 && part.length > 0 && crc !== header.readUInt32LE())
        throw new Error("raw TCP: wrong checksum");
    }
  };
  const buffer = Buffer.alloc(readBytes);
  const onread = {
    buffer,
    callback: (bytes: number): boolean => {
      take(buffer.subarray(0, bytes));
      return true;
    },
  };
  const socket = connect({ port, host: "127.0.0.1", ...(readBytes > 0 ? { onread } : {}) });
  if (readBytes === 0) socket.on("data", take);
  await once(socket, "close");
  if (total !== TRAFFIC.messages * into.length) throw new Error(`raw TCP: ${total} bytes came`);
}
