import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/** Below the ports that Linux gives to whoever asks for any: one of these is still free when its server starts again. */
const FIRST = 20_000;
const END = 32_768;

/** Ports that nobody listens on now, no two alike; a port of its own for each server that must know it beforehand. */
export async function freePorts(count: number, host = "127.0.0.1"): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(FIRST, END);
    if (await isFree(port, host)) ports.add(port);
  }
  return [...ports];
}

export async function freePort(host?: string): Promise<number> {
  const [port] = await freePorts(1, host);
  return port as number; // one was asked for
}

async function isFree(port: number, host: string): Promise<boolean> {
  const server = createServer().listen(port, host);
  try {
    await once(server, "listening");
  } catch (reason) {
    if (reason instanceof Error && "code" in reason && reason.code === "EADDRINUSE") return false;
    throw reason;
  }
  server.close();
  await once(server, "close");
  return true;
}
