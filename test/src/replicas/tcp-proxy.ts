import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A wire between clients and a server on this machine, in the test's hands. */
export interface TcpProxy {
  readonly port: number;
  /** Nothing passes any more, in either direction, and nothing is said of it: what is sent waits. */
  hold(): void;
  /** What waited goes through, and all that comes. */
  release(): void;
  close(): void;
}

export async function tcpProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let isHeld = false;
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      if (isHeld) socket.pause();
      const other = socket === client ? upstream : client;
      socket.on("data", (data) => {
        if (!other.write(data)) socket.pause();
      });
      other.on("drain", () => {
        if (!isHeld) socket.resume();
      });
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    hold() {
      isHeld = true;
      for (const socket of sockets) socket.pause();
    },
    release() {
      isHeld = false;
      for (const socket of sockets) socket.resume();
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
