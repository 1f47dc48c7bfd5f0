import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { freeMemory } from "./free-memory.js";

describe("freeMemory", () => {
  it("takes the memory of arrays that stand alone, once each", () => {
    const a = new Float32Array(8);
    const bytesOfA = new Uint8Array(a.buffer);
    freeMemory([a, bytesOfA]);
    assert.equal(a.length, 0);
    assert.equal(bytesOfA.length, 0);
  });

  it("gives the memory back at once", () => {
    const bytes = 64 * 1024 * 1024;
    const array = new Uint8Array(bytes);
    const before = process.memoryUsage().arrayBuffers;
    freeMemory([array]);
    assert.ok(process.memoryUsage().arrayBuffers <= before - bytes);
  });

  it("leaves alone what shares its buffer, and what is shared between threads", () => {
    const part = new Uint8Array(8).subarray(0, 4);
    const shared = new Uint8Array(new SharedArrayBuffer(4));
    freeMemory([part, shared, Buffer.from("pooled")]);
    assert.equal(part.length, 4);
    assert.equal(shared.length, 4);
  });

  it("does not mind empty arrays, and those that are gone", () => {
    const gone = new Float32Array(4);
    freeMemory([gone]);
    freeMemory([gone, new Uint8Array(0), Buffer.allocUnsafeSlow(0)]);
    assert.equal(gone.length, 0);
  });
});
