import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { neverAborts } from "@cogfleet/core";
import { type StoredTensor, writeSafetensors } from "./safetensors-file.js";
import { readWeightTable } from "./weight-files.js";

const fixtures = fileURLToPath(new URL("../../../../test/fixtures/", import.meta.url));
const formats = join(fixtures, "weights-formats");
const tensor: StoredTensor = { dtype: "F32", shape: [2], data: Float32Array.of(1, 2) };

let root: string;
let folder: string;
before(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "cogfleet-weights-")));
});
after(() => rm(root, { recursive: true }));
beforeEach(async () => {
  folder = await mkdtemp(join(root, "component-"));
});

async function put(name: string, content: Uint8Array | object): Promise<void> {
  const bytes = content instanceof Uint8Array ? content : JSON.stringify(content);
  await writeFile(join(folder, name), bytes);
}

describe("readWeightTable", () => {
  it("finds the same tensors in one file and in shards, in every type", async () => {
    const shapes = async (name: string): Promise<unknown> =>
      [...(await readWeightTable(join(formats, name), neverAborts)).values()]
        .map(({ name, dims }) => [name, dims])
        .sort();
    const sharded = await shapes("f32-sharded");
    assert.deepEqual(await shapes("f16"), sharded);
    assert.deepEqual(await shapes("bf16"), sharded);
    const types = new Set(
      [...(await readWeightTable(join(formats, "bf16"), neverAborts)).values()].map(({ type }) => type),
    );
    assert.deepEqual([...types], ["bfloat16"]);
  });

  it("follows the links of a Hugging Face cache to the files themselves", async () => {
    await mkdir(join(folder, "blobs"));
    await mkdir(join(folder, "snapshot"));
    await put("blobs/0123abc", writeSafetensors({ a: tensor }));
    await symlink("../blobs/0123abc", join(folder, "snapshot", "model.safetensors"));
    const table = await readWeightTable(join(folder, "snapshot"), neverAborts);
    assert.equal(table.get("a")?.file, join(folder, "blobs", "0123abc"));
  });

  it("takes a variant where there is no other file, and refuses to choose between two", async () => {
    await put("diffusion_pytorch_model.fp16.safetensors", writeSafetensors({ a: tensor }));
    assert.deepEqual([...(await readWeightTable(folder, neverAborts)).keys()], ["a"]);
    await put("other.safetensors", writeSafetensors({ a: tensor }));
    await assert.rejects(
      readWeightTable(folder, neverAborts),
      /holds several weights \(.*\), expected diffusion/,
    );
  });

  it("says what is missing", async () => {
    await assert.rejects(readWeightTable(folder, neverAborts), {
      code: "invalid_checkpoint",
      message: `${folder} holds no .safetensors weights, expected diffusion_pytorch_model.safetensors or model.safetensors`,
    });
    await put("diffusion_pytorch_model.bin", new Uint8Array(3));
    await assert.rejects(readWeightTable(folder, neverAborts), /\(\.bin files are not read\)/);
  });

  it("refuses weights of integers", async () => {
    await put(
      "model.safetensors",
      writeSafetensors({ a: { dtype: "I32", shape: [1], data: Int32Array.of(1) } }),
    );
    await assert.rejects(
      readWeightTable(folder, neverAborts),
      /tensor "a" has dtype I32, expected F32, F16 or BF16/,
    );
  });

  it("takes float64 for learned positions alone, which diffusers saves so", async () => {
    const positions: StoredTensor = { dtype: "F64", shape: [1], data: Float64Array.of(1) };
    await put("model.safetensors", writeSafetensors({ "patch_embed.pos_embedding": positions }));
    const table = await readWeightTable(folder, neverAborts);
    assert.equal(table.get("patch_embed.pos_embedding")?.type, "float64");
    await put("model.safetensors", writeSafetensors({ "proj_out.weight": positions }));
    await assert.rejects(
      readWeightTable(folder, neverAborts),
      /"proj_out.weight" has dtype F64, expected F32/,
    );
  });

  const index = "model.safetensors.index.json";
  const wrongIndexes: readonly (readonly [string, unknown, RegExp])[] = [
    ["a shard that is missing", { a: "m-2.safetensors" }, /m-2\.safetensors is missing/],
    [
      "a shard in another folder",
      { a: "../m-1.safetensors" },
      /tensor "a" lies in "\.\.\/m-1\.safetensors", expected the/,
    ],
    ["an absolute path", { a: "/etc/passwd" }, /expected the name of a \.safetensors file/],
    ["a shard that is no name", { a: 7 }, /tensor "a" lies in 7, expected the name/],
    [
      "a tensor that is not in its shard",
      { a: "m-1.safetensors", b: "m-1.safetensors" },
      /tensor "b" should lie in m-1/,
    ],
    ["a shard with another tensor", {}, /weight_map names no tensor/],
    ["no map", undefined, /weight_map must be an object, got nothing/],
  ];
  for (const [what, weightMap, message] of wrongIndexes)
    it(`refuses an index that names ${what}`, async () => {
      await put("m-1.safetensors", writeSafetensors({ a: tensor }));
      await put(index, { weight_map: weightMap });
      await assert.rejects(readWeightTable(folder, neverAborts), { code: "invalid_checkpoint", message });
    });

  it("refuses a shard that holds what the index does not name", async () => {
    await put("m-1.safetensors", writeSafetensors({ a: tensor, b: tensor }));
    await put(index, { weight_map: { a: "m-1.safetensors" } });
    await assert.rejects(readWeightTable(folder, neverAborts), /"b" lies in m-1\.safetensors, but the index/);
  });

  it("refuses a sharded checkpoint that lost a shard", async () => {
    await cp(join(formats, "t5-sharded"), folder, {
      recursive: true,
      filter: (source) => !basename(source).includes("00002"),
    });
    await assert.rejects(
      readWeightTable(folder, neverAborts),
      /model-00002-of-00003\.safetensors is missing/,
    );
  });
});
