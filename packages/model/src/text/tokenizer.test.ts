import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { ClusterError, neverAborts } from "@cogfleet/core";
import fc from "fast-check";
import { createTokenizer, openTokenizer } from "./tokenizer.js";

const repository = fileURLToPath(new URL("../../../../", import.meta.url));
const fixtures = join(repository, "test/fixtures");
const models = {
  unigram: join(fixtures, "tokenizer/unigram/tokenizer"),
  foreign: join(fixtures, "tokenizer/foreign/tokenizer"),
  demo: join(repository, "models/demo/tokenizer"),
};

interface Call {
  readonly prompt: string | readonly string[];
  readonly negative_prompt?: string | readonly string[] | null;
  readonly max_sequence_length?: number;
}

interface Tokens {
  readonly input_ids: readonly (readonly number[])[];
  readonly negative_input_ids: readonly (readonly number[])[] | null;
}

function json(file: string): unknown {
  return JSON.parse(readFileSync(file, "utf8"));
}

function padded(ids: readonly number[], length: number): number[] {
  return [...ids, ...new Array<number>(length - ids.length).fill(0)];
}

describe("openTokenizer", () => {
  for (const name of ["unigram", "foreign"] as const)
    it(`gives the golden ids of the ${name} model`, async () => {
      const tokenizer = await openTokenizer(models[name], neverAborts);
      const prompts = json(join(fixtures, "tokenizer/prompts.json")) as {
        text: string;
        max_length: number;
      }[];
      const expected = json(join(fixtures, `tokenizer/${name}.json`)) as { ids: number[] }[];
      assert.equal(prompts.length, expected.length);
      for (const [i, { text, max_length }] of prompts.entries())
        assert.deepEqual(
          tokenizer.encode(text, max_length).ids,
          padded(expected[i]?.ids ?? [], max_length),
          JSON.stringify(text),
        );
    });

  it("gives the ids that transformers gave for random text, of three models", async () => {
    const recorded = json(join(repository, "test/recorded/tokenizer.json")) as {
      max_length: number;
      cases: ({ text: string } & Record<keyof typeof models, number[]>)[];
    };
    for (const name of ["unigram", "foreign", "demo"] as const) {
      const tokenizer = await openTokenizer(models[name], neverAborts);
      for (const expected of recorded.cases)
        assert.deepEqual(
          tokenizer.encode(expected.text, recorded.max_length).ids,
          padded(expected[name], recorded.max_length),
          `${name} ${JSON.stringify(expected.text)}`,
        );
    }
  });

  it("gives the ids of every golden pipeline run", async () => {
    let prompts = 0;
    for (const name of readdirSync(fixtures).filter((folder) => folder.startsWith("pipeline-"))) {
      const { runs } = json(join(fixtures, name, "case.json")) as { runs: { name: string; call: Call }[] };
      const tokens = json(join(fixtures, name, "tokens.json")) as Record<string, Tokens>;
      const folder = name === "pipeline-demo" ? models.demo : join(fixtures, name, "model/tokenizer");
      const tokenizer = await openTokenizer(folder, neverAborts);
      for (const { name: run, call } of runs) {
        const texts = [[call.prompt].flat(), [call.negative_prompt ?? ""].flat()];
        for (const [branch, recorded] of [tokens[run]?.input_ids, tokens[run]?.negative_input_ids].entries())
          for (const [i, ids] of (recorded ?? []).entries()) {
            const text = texts[branch]?.[i] ?? "";
            const length = Math.max(ids.length, call.max_sequence_length ?? 226);
            assert.deepEqual(
              tokenizer.encode(text, length).ids,
              padded(ids, length),
              `${name} ${run}: ${text}`,
            );
            prompts++;
          }
      }
    }
    assert.ok(prompts > 10, `${prompts} prompts`);
  });

  it("cuts to the length, with the end token last, and says how long the text was", async () => {
    const tokenizer = await openTokenizer(models.unigram, neverAborts);
    const whole = tokenizer.encode("A small panda plays guitar in the forest.", 226);
    assert.equal(whole.tokens, 16);
    const cut = tokenizer.encode("A small panda plays guitar in the forest.", 12);
    assert.equal(cut.tokens, 16);
    assert.deepEqual(cut.ids, [...whole.ids.slice(0, 11), 1]);
    assert.deepEqual(tokenizer.encode("panda", 1), { ids: [1], tokens: tokenizer.encode("panda", 9).tokens });
  });

  it("always gives as many ids as asked for, each below idCount", async () => {
    const tokenizer = await openTokenizer(models.foreign, neverAborts);
    const text = fc.oneof(fc.string({ unit: "binary", maxLength: 40 }), fc.string());
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 30 }), (prompt, length) => {
        const { ids, tokens } = tokenizer.encode(prompt, length);
        assert.equal(ids.length, length);
        assert.ok(ids.every((id) => Number.isInteger(id) && id >= 0 && id < tokenizer.idCount));
        assert.equal(ids[Math.min(tokens, length) - 1], 1);
      }),
      { numRuns: 50 },
    );
  });

  it("says what is missing", async () => {
    await assert.rejects(openTokenizer(fixtures, neverAborts), {
      code: "invalid_checkpoint",
      message: `${join(fixtures, "spiece.model")} is missing`,
    });
  });
});

describe("createTokenizer", () => {
  const model = readFileSync(join(models.unigram, "spiece.model"));
  const config = json(join(models.unigram, "tokenizer_config.json")) as Record<string, unknown>;
  const create = (bytes: Uint8Array, given: Readonly<Record<string, unknown>> = config) =>
    createTokenizer({
      modelFile: "spiece.model",
      model: bytes,
      configFile: "tokenizer_config.json",
      config: given,
    });

  it("knows T5's tokens without a config, and the model's own symbols", () => {
    const tokenizer = create(model, {});
    assert.deepEqual(tokenizer.encode("<extra_id_0><extra_id_99></s>", 4).ids, [418, 319, 1, 1]);
    assert.equal(tokenizer.idCount, 419);
  });

  it("refuses added tokens whose ids are not the model's", () => {
    const token = { content: "</s>", lstrip: false, rstrip: false, normalized: false, single_word: false };
    assert.throws(() => create(model, { added_tokens_decoder: { 7: token } }), {
      code: "invalid_checkpoint",
      message: 'tokenizer_config.json: added token "</s>" has id 7, expected 1',
    });
    assert.throws(() => create(model, { added_tokens_decoder: { 900: { ...token, content: "<x>" } } }), {
      message: /added token "<x>" has id 900, expected one after the pieces'/,
    });
    assert.throws(() => create(model, { added_tokens_decoder: { 1: { ...token, normalized: true } } }), {
      message: /added_tokens_decoder "1" is supported with normalized and single_word false only/,
    });
  });

  it("refuses what is no unigram model", () => {
    // A ModelProto with trainer_spec { model_type: BPE }.
    assert.throws(() => create(Uint8Array.of(0x12, 2, 0x18, 2)), {
      code: "unsupported",
      message: "spiece.model: model_type 2 is not supported, only 1 (unigram)",
    });
    assert.throws(
      () => create(Uint8Array.of(0x0a, 0)),
      /piece 0 must have a text of 1 to 256 characters and a finite/,
    );
    assert.throws(() => create(new Uint8Array()), /holds 0 pieces, expected more/);
    assert.throws(() => create(model.subarray(0, 5000)), { code: "invalid_checkpoint" });
  });

  it("refuses or works, and nothing else, with a damaged model", () => {
    const damage = fc.array(
      fc.record({ at: fc.oneof(fc.nat(12_000), fc.nat(model.length - 1)), byte: fc.nat(255) }),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(damage, fc.string({ unit: "binary" }), (changes, text) => {
        const bytes = Uint8Array.from(model);
        for (const { at, byte } of changes) bytes[at] = byte;
        try {
          assert.equal(create(bytes).encode(text, 20).ids.length, 20);
        } catch (error) {
          assert.ok(error instanceof ClusterError, String(error));
          assert.ok(["invalid_checkpoint", "unsupported"].includes(error.code), error.message);
        }
      }),
    );
  });
});
