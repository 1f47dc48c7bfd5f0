import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { crc32 } from "node:zlib";
import { systemRandom } from "@cogfleet/core";
import { ManualClock } from "@cogfleet/core/testing";
import { type Block, readBlocks, whole } from "@cogfleet/parallel";
import type { TensorFrame__Output } from "@cogfleet/proto/gen/cogfleet/v1/TensorFrame";
import type { WireFrame } from "./frame.js";
import { DEFAULT_LIMITS } from "./limits.js";
import type { TakenOffer } from "./offers.js";
import { TensorReceiver } from "./receive-tensor.js";
import { sendTensor } from "./send-tensor.js";
import { SharedMemory, SharedMemoryReader, type SharedRoom } from "./shared-memory.js";

const MIB = 1024 * 1024;

function frame(data: readonly number[], offset: number, total: number, change = {}): TensorFrame__Output {
  const bytes = Buffer.from(data);
  return {
    data: bytes,
    crc32: crc32(bytes),
    offset: String(offset),
    totalBytes: String(total),
    sharedPath: "",
    sharedBytes: "0",
    ...change,
  };
}

/** A frame as it would be read off the wire. */
function received(written: WireFrame): TensorFrame__Output {
  if ("offer" in written) {
    const data = new Uint8Array(written.bytes);
    readBlocks(written.offer.blocks, written.offset, data);
    return frame([...data], written.offset, written.offer.bytes);
  }
  return frame([], Number(written.offset), Number(written.totalBytes), {
    crc32: written.crc32,
    sharedPath: written.sharedPath,
    sharedBytes: String(written.sharedBytes),
  });
}

interface Sending {
  readonly offer: TakenOffer;
  readonly frames: WireFrame[];
  readonly hangUp: AbortController;
  /** What the sender was told: undefined until then. */
  told(): "taken" | Error | undefined;
}

function sending(blocks: readonly Block[], bytes: number): Sending {
  let told: "taken" | Error | undefined;
  const done = (error?: Error): void => {
    told ??= error ?? "taken";
  };
  const offer = { blocks, bytes, withdrawn: new AbortController().signal, done };
  return { offer, frames: [], hangUp: new AbortController(), told: () => told };
}

// One a test: a process that has closed its memory may give the same path to another file.
let reader: SharedMemoryReader;
beforeEach(() => {
  reader = new SharedMemoryReader();
});
afterEach(() => reader.close());

function receiver(into: Uint8Array): TensorReceiver {
  return new TensorReceiver("t from rank 0", [whole(into)], into.length, reader);
}

describe("receiving a tensor", () => {
  it("refuses a frame that is damaged, out of order, too long, or of another tensor", async () => {
    for (const bad of [
      frame([1, 2], 0, 4, { crc32: 1 }),
      frame([3, 4], 2, 4),
      frame([1, 2, 3, 4, 5], 0, 4),
      frame([1, 2], 0, 5),
      frame([], 0, 4),
    ]) {
      await assert.rejects(receiver(new Uint8Array(4)).take(bad), { code: "data_loss" });
    }
  });

  it("refuses to end early", async () => {
    const short = receiver(new Uint8Array(4));
    await short.take(frame([1, 2], 0, 4));
    assert.throws(() => short.finish(), { code: "data_loss", message: /after 2 of 4/ });
  });

  it("checks shared memory like everything else", async () => {
    const memory = await SharedMemory.open(systemRandom, MIB);
    assert.ok(memory, "this test needs /dev/shm");
    const room = await memory.acquire(4);
    assert.ok(room);
    room.write(Uint8Array.of(1, 2, 3, 4), 0);
    const place = { sharedPath: room.path, sharedBytes: "4" };
    const good = receiver(new Uint8Array(4));
    await good.take(frame([], 0, 4, { ...place, crc32: crc32(Buffer.of(1, 2, 3, 4)) }));
    good.finish();
    const bad = receiver(new Uint8Array(4));
    await assert.rejects(bad.take(frame([], 0, 4, { ...place, crc32: 7 })), { code: "data_loss" });
    await memory.close();
  });
});

describe("sending a tensor", () => {
  const limits = { ...DEFAULT_LIMITS, frameBytes: MIB };
  const data = Uint8Array.from({ length: 5 * MIB + 3 }, (_, i) => i >> 7);

  it("goes on through the socket where shared memory is used up", async () => {
    const memory = await SharedMemory.open(systemRandom, 64 * MIB);
    assert.ok(memory, "this test needs /dev/shm");
    const cramped = {
      acquire: async (bytes: number): Promise<SharedRoom | undefined> => {
        const room = await memory.acquire(bytes);
        if (room === undefined) return undefined;
        return {
          path: room.path,
          release: () => room.release(),
          write: (piece, position) => {
            if (position >= 4.5 * MIB) throw Object.assign(new Error("full"), { code: "ENOSPC" });
            room.write(piece, position);
          },
        };
      },
    };
    const { offer, frames, hangUp, told } = sending([whole(data)], data.length);
    const into = new Uint8Array(data.length);
    const taking = receiver(into);
    let turn = Promise.resolve();
    const write = (written: WireFrame): Promise<void> => {
      frames.push(written);
      turn = turn.then(async () => {
        await taking.take(received(written));
        if (taking.isComplete) setImmediate(() => hangUp.abort(new Error("hung up")));
      });
      return turn;
    };
    const clock = new ManualClock();
    await sendTensor({ clock, limits, memory: cramped }, offer, 1, { write, signal: hangUp.signal });
    taking.finish();
    assert.deepEqual(
      frames.map((written) => ("offer" in written ? "socket" : "shared")),
      ["shared", "shared", "socket", "socket"],
    );
    assert.ok(Buffer.from(into).equals(data));
    assert.equal(clock.sleeping, 0);
    assert.equal(told(), "taken");
    await memory.close();
  });

  it("fails when the puller takes nothing any more", async () => {
    const { offer, hangUp, told } = sending([whole(data)], data.length);
    const clock = new ManualClock();
    const write = (): Promise<void> => new Promise(() => {});
    const sent = sendTensor({ clock, limits, memory: undefined }, offer, 1, { write, signal: hangUp.signal });
    const refused = assert.rejects(sent, {
      code: "peer_lost",
      message: /rank 1 .* took nothing for 10000 ms/,
    });
    await clock.advance(10_001);
    await refused;
    assert.ok(told() instanceof Error);
  });

  it("fails when the puller hangs up in the middle", async () => {
    const { offer, hangUp, told } = sending([whole(data)], data.length);
    const write = async (): Promise<void> => hangUp.abort(new Error("hung up"));
    const deps = { clock: new ManualClock(), limits, memory: undefined };
    await assert.rejects(sendTensor(deps, offer, 1, { write, signal: hangUp.signal }), /hung up/);
    assert.match(String(told()), /rank 1 was lost: stopped pulling in the middle/);
  });
});

describe("shared memory", () => {
  it("is used again, and never beyond its limit", async () => {
    const memory = await SharedMemory.open(systemRandom, 10);
    assert.ok(memory, "this test needs /dev/shm");
    const first = await memory.acquire(6);
    assert.ok(first);
    assert.equal(await memory.acquire(6), undefined);
    first.release();
    first.release(); // twice does no harm
    const second = await memory.acquire(8);
    assert.equal(second?.path, first.path);
    assert.equal(await memory.acquire(3), undefined);
    await memory.close();
  });

  it("is only for those who can read it", async () => {
    const memory = await SharedMemory.open(systemRandom, 10);
    assert.ok(memory, "this test needs /dev/shm");
    assert.equal(await reader.canRead(memory.probe), true);
    assert.equal(
      await reader.canRead({ ...memory.probe, content: "of another process with that number" }),
      false,
    );
    assert.equal(await reader.canRead({ path: "/proc/1/fd/999999", content: "x" }), false);
    assert.equal(await reader.canRead({ path: "", content: "" }), false);
    assert.equal(await SharedMemory.open(systemRandom, 0), undefined);
    await memory.close();
  });
});
