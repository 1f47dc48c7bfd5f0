import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32 } from "node:zlib";
import { whole } from "@cogfleet/parallel";
import { exchangeApi } from "@cogfleet/proto";
import fc from "fast-check";
import { frameEncoder, type PendingFrame } from "./frame.js";
import type { TakenOffer } from "./offers.js";

const { Pull } = exchangeApi.Exchange.service;

function offerOf(data: Uint8Array, bytes = data.length): TakenOffer {
  return { blocks: [whole(data)], bytes, withdrawn: new AbortController().signal, done: () => {} };
}

describe("the frame encoder", () => {
  it("writes what any protobuf reader reads", () => {
    const encode = frameEncoder(64, Pull.responseSerialize);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.maxSafeNat(), (data, total) => {
        const offer = { ...offerOf(data), bytes: total };
        const frame = Pull.responseDeserialize(
          encode({ offer, offset: 0, bytes: data.length, onSend: () => {} }),
        );
        assert.deepEqual(new Uint8Array(frame.data), data);
        assert.equal(frame.crc32, crc32(data));
        assert.equal(frame.offset, "0");
        assert.equal(frame.totalBytes, String(total));
      }),
    );
  });

  it("cuts a message where it is told, and says when", () => {
    const encode = frameEncoder(4, Pull.responseSerialize);
    let sent = 0;
    const frame: PendingFrame = {
      offer: offerOf(Uint8Array.of(1, 2, 3, 4, 5, 6)),
      offset: 3,
      bytes: 2,
      onSend: () => {
        sent += 1;
      },
    };
    const read = Pull.responseDeserialize(encode(frame));
    assert.deepEqual([...read.data], [4, 5]);
    assert.equal(read.offset, "3");
    assert.equal(sent, 1);
  });

  it("reads nothing of a message that was taken back", () => {
    const encode = frameEncoder(4, Pull.responseSerialize);
    const withdrawal = new AbortController();
    withdrawal.abort(new Error("taken back"));
    const offer = { ...offerOf(Uint8Array.of(1)), withdrawn: withdrawal.signal };
    assert.throws(() => encode({ offer, offset: 0, bytes: 1, onSend: () => {} }), /taken back/);
  });
});
