// How fast the way between two ranks is, seen through the group that carries their tensors.
import { type Block, unwritten, whole } from "./block.js";
import type { Group } from "./group.js";
import type { Link } from "./plan-fleet.js";

const ROUNDS = 8; // of a byte there and a byte back
const BULKS = 3;
const BULK_BYTES = 16 * 1024 * 1024;

/**
 * The way from the other rank of a group of two to this one. Both ranks call it; each gets its own direction. Moves
 * 48 MiB each way. The best of several is taken: what is slower was held up by something else.
 * @param now monotonic milliseconds
 */
export async function measureLink(group: Group, now: () => number, signal: AbortSignal): Promise<Link> {
  const latencySeconds = await measureLatency(group, now, signal);
  const bulk = whole(unwritten(BULK_BYTES));
  const own = { bytesPerSecond: 0 };
  for (const receiver of [0, 1]) {
    for (let i = 0; i < BULKS; i++) {
      const tag = `bulk${receiver}.${i}`;
      if (group.rank !== receiver) await group.send(receiver, tag, [bulk], signal);
      else {
        const seconds = await timed(now, () => group.recv(1 - receiver, tag, [bulk], signal));
        const moving = Math.max(seconds - latencySeconds, Number.EPSILON);
        own.bytesPerSecond = Math.max(own.bytesPerSecond, BULK_BYTES / moving);
      }
    }
  }
  return { ...own, latencySeconds };
}

/** Seconds from when a small message is offered until the other rank has it. */
async function measureLatency(group: Group, now: () => number, signal: AbortSignal): Promise<number> {
  const byte: readonly Block[] = [whole(new Uint8Array(1))];
  let least = Number.POSITIVE_INFINITY;
  for (const first of [0, 1]) {
    for (let i = 0; i < ROUNDS; i++) {
      const [ping, pong] = [`ping${first}.${i}`, `pong${first}.${i}`];
      if (group.rank === first) {
        const seconds = await timed(now, async () => {
          await Promise.all([
            group.send(1 - first, ping, byte, signal),
            group.recv(1 - first, pong, byte, signal),
          ]);
        });
        least = Math.min(least, seconds / 2);
      } else {
        await group.recv(first, ping, byte, signal);
        await group.send(first, pong, byte, signal);
      }
    }
  }
  return least;
}

async function timed(now: () => number, work: () => Promise<void>): Promise<number> {
  const from = now();
  await work();
  return (now() - from) / 1000;
}
