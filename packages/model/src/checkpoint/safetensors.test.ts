import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { ClusterError, neverAborts } from "@cogfleet/core";
import fc from "fast-check";
import { DTYPE_BYTES, type Dtype, readSafetensorsHeader } from "./safetensors.js";
import { floatsOf, readTensors, type StoredTensor, writeSafetensors } from "./safetensors-file.js";

const fixtures = fileURLToPath(new URL("../../../../test/fixtures/", import.meta.url));

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "cogfleet-safetensors-"));
});
after(() => rm(folder, { recursive: true }));

async function fileOf(bytes: Uint8Array, name = "x.safetensors"): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, bytes);
  return file;
}

/** A file with this header, whatever it says, and `dataBytes` zeros after it. */
function raw(header: unknown, dataBytes: number): Uint8Array {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const json = new TextEncoder().encode(text);
  const file = new Uint8Array(8 + json.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  return file;
}

const f32 = (begin: number, end: number, shape: unknown = [(end - begin) / 4]): object => ({
  dtype: "F32",
  shape,
  data_offsets: [begin, end],
});

describe("writeSafetensors and readTensors", () => {
  const tensor = fc
    .record({
      dtype: fc.constantFrom(...(Object.keys(DTYPE_BYTES) as Dtype[])),
      shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
      seed: fc.integer({ min: 0, max: 255 }),
    })
    .map(({ dtype, shape, seed }): StoredTensor => {
      const count = shape.reduce((product, dim) => product * dim, 1);
      const bytes = Uint8Array.from({ length: count * DTYPE_BYTES[dtype] }, (_, i) => (i * 7 + seed) % 120);
      const stored = { U8: Uint8Array, BOOL: Uint8Array, I8: Int8Array, F16: Uint16Array, BF16: Uint16Array };
      const wide = {
        U16: Uint16Array,
        I16: Int16Array,
        U32: Uint32Array,
        I32: Int32Array,
        F32: Float32Array,
      };
      const widest = { U64: BigUint64Array, I64: BigInt64Array, F64: Float64Array };
      const ArrayType = { ...stored, ...wide, ...widest }[dtype];
      return { dtype, shape, data: new ArrayType(bytes.buffer) };
    });
  const tensors = fc.dictionary(
    fc.string({ minLength: 1 }).filter((name) => name !== "__metadata__" && name !== "__proto__"),
    tensor,
    { maxKeys: 6 },
  );

  it("give back what was written, metadata included", async () => {
    await fc.assert(
      fc.asyncProperty(tensors, fc.dictionary(fc.string(), fc.string()), async (written, metadata) => {
        const file = await fileOf(writeSafetensors(written, metadata), "round-trip.safetensors");
        assert.deepEqual(Object.fromEntries(await readTensors(file, neverAborts)), { ...written });
        const header = await readSafetensorsHeader(file, neverAborts);
        assert.deepEqual({ ...header.metadata }, { ...metadata });
        for (const { dtype, offset } of header.tensors.values())
          assert.equal(offset % DTYPE_BYTES[dtype], 0, "aligned");
      }),
      { numRuns: 60 },
    );
  });

  it("write the same bytes in whatever order tensors and metadata come", () => {
    const a = { dtype: "F32", shape: [2], data: Float32Array.of(1, 2) } as const;
    const b = { dtype: "I64", shape: [], data: BigInt64Array.of(5n) } as const;
    assert.deepEqual(
      writeSafetensors({ a, b }, { x: "1", y: "2" }),
      writeSafetensors({ b, a }, { y: "2", x: "1" }),
    );
  });

  it("read a golden file and the tensors asked for only", async () => {
    const file = join(fixtures, "schedulers/inputs.safetensors");
    const all = await readTensors(file, neverAborts);
    const [name] = [...all.keys()] as [string];
    const one = await readTensors(file, neverAborts, (candidate) => candidate === name);
    assert.deepEqual([...one], [[name, all.get(name)]]);
  });

  it("turn F16 and BF16 into their values", () => {
    const floats = (dtype: "F16" | "BF16", bits: number): number =>
      floatsOf({ dtype, shape: [1], data: Uint16Array.of(bits) })[0] as number;
    assert.equal(floats("F16", 0x3c00), 1);
    assert.equal(floats("BF16", 0xbf80), -1);
    assert.throws(() => floatsOf({ dtype: "I64", shape: [1], data: BigInt64Array.of(1n) }), {
      message: "expected a float tensor, got I64",
    });
  });

  it("refuse data that is not of the shape's size", () => {
    assert.throws(() => writeSafetensors({ a: { dtype: "F32", shape: [3], data: new Float32Array(2) } }), {
      code: "tensor_mismatch",
      message: "tensor a [3] takes 3 values, got 2",
    });
  });
});

describe("readSafetensorsHeader", () => {
  const huge = new Uint8Array(64);
  new DataView(huge.buffer).setBigUint64(0, 2n ** 63n, true);
  const deep = `{"a":${"[".repeat(100_000)}`;
  const hostile: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["an empty file", new Uint8Array(), /has 0 bytes, expected at least 8/],
    ["a header longer than the file", huge, /says 9223372036854775808 bytes, but only 56 follow/],
    ["a cut-off header", raw({ a: f32(0, 8) }, 8).subarray(0, 30), /but only 22 follow/],
    [
      "cut-off data",
      raw({ a: f32(0, 8) }, 7),
      /tensor "a" has data_offsets \[0, 8\], expected a range within the 7/,
    ],
    ["data after the last tensor", raw({ a: f32(0, 8) }, 9), /the last 1 bytes belong to no tensor/],
    ["a header that is no JSON", raw("{'a': 1}", 0), /its header is not JSON/],
    ["a header that is no UTF-8", raw({}, 0).with(8, 0xff), /its header is not UTF-8/],
    ["a header that is no object", raw("[1]", 0), /must hold a JSON object, got \[1\]/],
    ["a deep header", raw(deep, 0), /its header is not JSON/],
    [
      "overlapping tensors",
      raw({ a: f32(0, 8), b: f32(4, 12) }, 12),
      /tensor "b" overlaps the one before it by 4/,
    ],
    ["the same bytes twice", raw({ a: f32(0, 8), b: f32(0, 8) }, 8), /tensor "b" overlaps/],
    ["a hole", raw({ a: f32(0, 4), b: f32(8, 12) }, 12), /4 bytes before tensor "b" belong to no tensor/],
    ["a hole at the start", raw({ a: f32(4, 8) }, 8), /4 bytes before tensor "a"/],
    [
      "a shape of another size",
      raw({ a: f32(0, 8, [3]) }, 8),
      /tensor "a" of F32 \[3\] takes 12 bytes, but .* 8/,
    ],
    ["a negative dimension", raw({ a: f32(0, 8, [-2]) }, 8), /has shape \[-2\]/],
    ["a fractional dimension", raw({ a: f32(0, 8, [0.5, 4]) }, 8), /has shape \[0.5,4\]/],
    ["a huge dimension", raw({ a: f32(0, 8, [2 ** 60]) }, 8), /has shape \[115292150460684/],
    [
      "huge dimensions",
      raw({ a: f32(0, 8, [2 ** 52, 2 ** 52]) }, 8),
      /takes .* bytes, but its data_offsets span 8/,
    ],
    ["a shape that is text", raw({ a: f32(0, 8, "2") }, 8), /has shape "2"/],
    [
      "a shape of a hundred dimensions",
      raw({ a: f32(0, 4, Array(100).fill(1)) }, 4),
      /expected at most 16 integers/,
    ],
    [
      "an unknown type",
      raw({ a: { ...f32(0, 8), dtype: "F4" } }, 8),
      /tensor "a" has dtype "F4", expected one of/,
    ],
    ["a type named as a method", raw({ a: { ...f32(0, 8), dtype: "toString" } }, 8), /has dtype "toString"/],
    ["offsets the wrong way round", raw({ a: f32(8, 0, [0]) }, 8), /has data_offsets \[8, 0\]/],
    ["three offsets", raw({ a: { ...f32(0, 8), data_offsets: [0, 8, 8] } }, 8), /expected two integers/],
    ["a negative offset", raw({ a: f32(-4, 4) }, 8), /has data_offsets \[-4,4\]/],
    ["a tensor that is null", raw({ a: null }, 0), /tensor "a" must be an object .*, got null/],
    ["a key twice", raw('{"a":{},"\\u0061":{}}', 0), /its header names "a" twice/],
    [
      "a field twice",
      raw('{"a":{"dtype":"F32","dtype":"F16","shape":[0],"data_offsets":[0,0]}}', 0),
      /"dtype" twice/,
    ],
    ["metadata that is no text", raw({ __metadata__: { a: 1 } }, 0), /__metadata__ must hold strings only/],
  ];
  for (const [what, bytes, message] of hostile)
    it(`refuses ${what}`, async () => {
      const file = await fileOf(bytes);
      await assert.rejects(readSafetensorsHeader(file, neverAborts), (error: ClusterError) => {
        assert.equal(error.code, "invalid_checkpoint");
        assert.match(error.message, message);
        assert.ok(error.message.includes(file) && error.message.length < 1000, error.message);
        return true;
      });
    });

  it("reads an odd but right header", async () => {
    const file = await fileOf(
      raw(
        '{"a":{"dtype":"F16","shape":[2,0],"data_offsets":[0,0]},"\\"b\\"}":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}  ',
        1,
      ),
    );
    const { tensors } = await readSafetensorsHeader(file, neverAborts);
    assert.deepEqual([...tensors.keys()], ["a", '"b"}']);
  });

  it("refuses what is missing, and what is no file", async () => {
    await assert.rejects(readSafetensorsHeader(join(folder, "nowhere"), neverAborts), {
      code: "invalid_checkpoint",
      message: `${join(folder, "nowhere")} is missing`,
    });
    await mkdir(join(folder, "a-folder"));
    await assert.rejects(
      readSafetensorsHeader(join(folder, "a-folder"), neverAborts),
      /is not a regular file/,
    );
  });

  it("never does anything but read or refuse, however a file is damaged", async () => {
    const good = raw({ __metadata__: { format: "pt" }, "a.weight": f32(0, 16, [2, 2]), b: f32(16, 24) }, 24);
    const damage = fc.oneof(
      fc
        .record({ at: fc.nat(good.length - 1), byte: fc.nat(255) })
        .map(({ at, byte }) => good.with(at, byte)),
      fc.nat(good.length).map((length) => good.subarray(0, length)),
      fc.uint8Array({ maxLength: 40 }).map((more) => Uint8Array.of(...good, ...more)),
      fc.uint8Array({ minLength: 1, maxLength: 40 }).chain((patch) =>
        fc.nat(good.length - patch.length).map((at) => {
          const bytes = Uint8Array.from(good);
          bytes.set(patch, at);
          return bytes;
        }),
      ),
    );
    await fc.assert(
      fc.asyncProperty(damage, async (bytes) => {
        const file = await fileOf(bytes, "damaged.safetensors");
        try {
          for (const { offset, bytes: size } of (
            await readSafetensorsHeader(file, neverAborts)
          ).tensors.values())
            assert.ok(offset >= 8 && offset + size <= bytes.length);
        } catch (error) {
          assert.ok(error instanceof ClusterError && error.code === "invalid_checkpoint", String(error));
        }
      }),
      { numRuns: 300 },
    );
  });
});
