import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { neverAborts, systemClock } from "@cogfleet/core";

export interface Place {
  readonly host: string;
  readonly port: number;
}

/** A wire between clients and a server of this machine, in the test's hands. */
export interface Wire extends Place {
  /** Swallows all that comes, in both directions, and keeps the connections: as a cut cable does. */
  swallow(): void;
  /** Passes bytes again. What was swallowed is gone, so that only new connections are of use. */
  mend(): void;
  /** Nothing passes any more, in either direction, and nothing is said of it: what is sent waits. */
  hold(): void;
  /** What waited goes through, and all that comes. */
  release(): void;
  /** Keeps each piece back for so long, and up to `jitterMs` longer. */
  slow(delayMs: number, jitterMs: number): void;
  /** Flips a bit in the middle of the next `count` large pieces. */
  flip(count: number): void;
  /** How many bits are flipped so far. */
  flipped(): number;
}

const LARGE_BYTES = 8 * 1024; // of a tensor's frame, not of what is said about it

/** A proxy from `place` (port 0: a free one) to `target`; it goes with the test. */
export async function wireTo(t: TestContext, target: Place, place: Place): Promise<Wire> {
  const sockets = new Set<Socket>();
  let isSwallowing = false;
  let isHeld = false;
  let delayMs = 0;
  let jitterMs = 0;
  let toFlip = 0;
  let flips = 0;
  const write = (from: Socket, to: Socket, piece: Buffer): void => {
    if (to.destroyed || to.write(piece)) return;
    from.pause();
    to.once("drain", () => {
      if (!isHeld) from.resume();
    });
  };
  const pass = (from: Socket, to: Socket): void => {
    let last: Promise<void> = Promise.resolve(); // pieces stay in order, however long each is kept back
    from.on("data", (piece) => {
      if (isSwallowing) return;
      if (toFlip > 0 && piece.length >= LARGE_BYTES) {
        const middle = piece.length >> 1;
        piece[middle] = (piece[middle] as number) ^ 1;
        toFlip -= 1;
        flips += 1;
      }
      const keptMs = delayMs + Math.random() * jitterMs;
      if (keptMs === 0) {
        last = last.then(() => write(from, to, piece));
        return;
      }
      const ripe = systemClock.sleep(keptMs, neverAborts);
      last = last.then(() => ripe).then(() => write(from, to, piece));
    });
  };
  const server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      pass(from, to);
      if (isHeld) from.pause();
      from.on("error", () => {});
      from.on("close", () => {
        sockets.delete(from);
        if (!isSwallowing) to.destroy();
      });
    }
  });
  server.listen(place.port, place.host);
  await once(server, "listening");
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  return {
    host: place.host,
    port: typeof address === "object" && address !== null ? address.port : 0,
    swallow() {
      isSwallowing = true;
    },
    mend() {
      isSwallowing = false;
      for (const socket of sockets) socket.destroy();
    },
    hold() {
      isHeld = true;
      for (const socket of sockets) socket.pause();
    },
    release() {
      isHeld = false;
      for (const socket of sockets) socket.resume();
    },
    slow(ms, jitter) {
      delayMs = ms;
      jitterMs = jitter;
    },
    flip(count) {
      toFlip = count;
    },
    flipped: () => flips,
  };
}
