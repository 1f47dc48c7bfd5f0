import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { openCheckpoint } from "./folder.js";

const repository = fileURLToPath(new URL("../../../../", import.meta.url));
const demo = join(repository, "models/demo");
const golden = (name: string): string => join(repository, "test/fixtures", name, "model");

let root: string;
let copy: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "cogfleet-checkpoint-"));
});
after(() => rm(root, { recursive: true }));
beforeEach(async () => {
  copy = await mkdtemp(join(root, "copy-"));
});

/** Copies a golden checkpoint and changes fields of its JSON files. */
async function changed(name: string, changes: Readonly<Record<string, object>>): Promise<string> {
  await cp(golden(name), copy, { recursive: true });
  for (const [file, fields] of Object.entries(changes)) {
    const json = JSON.parse(await readFile(join(copy, file), "utf8"));
    await writeFile(join(copy, file), JSON.stringify({ ...json, ...fields }));
  }
  return copy;
}

async function refusal(folder: string): Promise<ClusterError> {
  const error = await openCheckpoint(folder, neverAborts).then(
    () => assert.fail("it was opened"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ClusterError, String(error));
  assert.ok(!error.message.includes("\n"), error.message);
  return error;
}

describe("openCheckpoint", () => {
  it("opens the demo and says what users may ask of it", async () => {
    const { facts, scheduler, textEncoder, tokenizer } = await openCheckpoint(demo, neverAborts);
    const { digest, ...rest } = facts;
    assert.match(digest, /^[0-9a-f]{64}$/);
    assert.deepEqual(rest, {
      name: "demo",
      variant: "1.0",
      minHeight: 16,
      maxHeight: 4096,
      minWidth: 16,
      maxWidth: 4096,
      maxNumFrames: 1025,
      defaultScheduler: "ddim",
      defaultHeight: 64,
      defaultWidth: 64,
      defaultNumFrames: 17,
      defaultFps: 8,
      maxTextSeqLength: 32,
      fixedSequenceLength: true,
    });
    assert.equal(scheduler.snrShiftScale, 3);
    assert.equal(textEncoder.weights().get("shared.weight", [384, 64]).type, "float16");
    assert.equal(tokenizer.encode("", 4).ids.join(), "1,0,0,0");
  });

  it("knows the variants and their limits", async () => {
    const facts = async (name: string) => (await openCheckpoint(golden(name), neverAborts)).facts;
    const rotary = await facts("pipeline-t2v-dpm");
    assert.deepEqual(
      [rotary.variant, rotary.defaultScheduler, rotary.fixedSequenceLength],
      ["1.0", "dpm", false],
    );
    const slice = await facts("pipeline-15");
    assert.deepEqual([slice.variant, slice.maxHeight, slice.maxWidth, slice.defaultFps], ["1.5", 96, 96, 16]);
    const learned = await facts("pipeline-i2v");
    assert.equal(learned.variant, "i2v-1.0");
    assert.deepEqual(
      [learned.minHeight, learned.maxHeight, learned.minWidth, learned.maxWidth, learned.fixedSequenceLength],
      [32, 32, 48, 48, true],
    );
    assert.equal((await facts("pipeline-i2v-15")).variant, "i2v-1.5");
  });

  it("names a snapshot in a Hugging Face cache after its model", async () => {
    const snapshots = join(copy, "models--zai-org--CogVideoX-2b", "snapshots");
    await mkdir(snapshots, { recursive: true });
    await symlink(demo, join(snapshots, "1137dacfc2c9c012bed6a0793f4ecf2ca8e7ba01"));
    const { facts } = await openCheckpoint(
      join(snapshots, "1137dacfc2c9c012bed6a0793f4ecf2ca8e7ba01"),
      neverAborts,
    );
    assert.equal(facts.name, "CogVideoX-2b");
  });

  it("gives one digest to equal configs, whoever saved them", async () => {
    const original = (await openCheckpoint(golden("pipeline-t2v"), neverAborts)).facts.digest;
    const digest = async (fields: object): Promise<string> =>
      (
        await openCheckpoint(
          await changed("pipeline-t2v", { "scheduler/scheduler_config.json": fields }),
          neverAborts,
        )
      ).facts.digest;
    assert.equal(await digest({ _diffusers_version: "0.1.0" }), original);
    assert.notEqual(await digest({ snr_shift_scale: 1 }), original);
  });

  it("refuses a scheduler that is not CogVideoX's before anything is computed", async () => {
    const fields = { prediction_type: "epsilon", timestep_spacing: "leading" };
    const error = await refusal(await changed("pipeline-t2v", { "scheduler/scheduler_config.json": fields }));
    assert.equal(error.code, "unsupported");
    assert.match(
      error.message,
      /scheduler_config\.json.*prediction_type "epsilon".*timestep_spacing "leading"/,
    );
  });

  it("lets model_index.json decide the scheduler's class, as diffusers does", async () => {
    const folder = await changed("pipeline-t2v", {
      "model_index.json": { scheduler: ["diffusers", "CogVideoXDPMScheduler"] },
    });
    assert.equal((await openCheckpoint(folder, neverAborts)).scheduler.kind, "dpm");
  });

  it("says in a sentence what is missing", async () => {
    assert.equal((await refusal(join(root, "nowhere"))).message, `${join(root, "nowhere")} does not exist`);
    assert.equal((await refusal(copy)).message, `${join(copy, "model_index.json")} is missing`);
    assert.match((await refusal(join(demo, "README.md"))).message, /README\.md is not a folder$/);
  });

  it("reports the problems of all components together", async () => {
    const folder = await changed("pipeline-t2v", {
      "transformer/config.json": { num_layers: -1 },
      "text_encoder/config.json": { d_model: "x" },
    });
    await rm(join(folder, "vae"), { recursive: true });
    await writeFile(join(folder, "tokenizer/spiece.model"), "nothing of the kind");
    const { code, message } = await refusal(folder);
    assert.equal(code, "invalid_checkpoint");
    assert.match(
      message,
      /num_layers must be .*; .*vae does not exist; .*d_model must be .*; .*is not a SentencePiece/,
    );
  });

  const mismatches: readonly (readonly [Readonly<Record<string, object>>, string, RegExp])[] = [
    [
      { "transformer/config.json": { out_channels: 8 } },
      "invalid_checkpoint",
      /out_channels \(8\) must equal the vae's latent_channels \(4\)/,
    ],
    [
      { "transformer/config.json": { in_channels: 8 } },
      "invalid_checkpoint",
      /in_channels \(8\) must be 4: the vae's latent_channels/,
    ],
    [
      { "transformer/config.json": { text_embed_dim: 32 } },
      "invalid_checkpoint",
      /text_embed_dim \(32\) must equal the text_encoder's d_model \(24\)/,
    ],
    [
      { "text_encoder/config.json": { vocab_size: 400 } },
      "invalid_checkpoint",
      /ids go up to 418, the text_encoder's vocab_size is 400/,
    ],
    [
      { "vae/config.json": { temporal_compression_ratio: 2 } },
      "invalid_checkpoint",
      /temporal_compression_ratio of the transformer \(4\) and the vae \(2\)/,
    ],
    [
      { "transformer/config.json": { patch_size: 4 } },
      "unsupported",
      /patches of 32 pixels a side .* not supported, only 16/,
    ],
    [
      { "model_index.json": { _class_name: "CogVideoXImageToVideoPipeline" } },
      "invalid_checkpoint",
      /in_channels \(4\) must be 8: twice the vae's/,
    ],
    [
      { "model_index.json": { _class_name: "WanPipeline" } },
      "unsupported",
      /_class_name "WanPipeline" is not supported, only "CogVideoXPipeline" or/,
    ],
    [
      { "model_index.json": { text_encoder: ["transformers", "UMT5EncoderModel"] } },
      "unsupported",
      /text_encoder "UMT5EncoderModel" is not supported/,
    ],
  ];
  for (const [changes, code, message] of mismatches)
    it(`refuses a checkpoint where ${JSON.stringify(changes)}`, async () => {
      const error = await refusal(await changed("pipeline-t2v", changes));
      assert.equal(error.code, code);
      assert.match(error.message, message);
      assert.ok(error.message.includes(basename(copy)), "names the folder");
    });

  it("stops when it is told to", async () => {
    await assert.rejects(openCheckpoint(demo, AbortSignal.abort(new ClusterError("cancelled", "stop"))), {
      code: "cancelled",
    });
  });
});
