import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { charsmapNormalizer } from "./charsmap.js";
import { parseSentencePieceModel } from "./sentencepiece-model.js";

const file = new URL("../../../../test/fixtures/tokenizer/unigram/tokenizer/spiece.model", import.meta.url);
const { charsmap } = parseSentencePieceModel("spiece.model", readFileSync(file));
const normalize = charsmapNormalizer("spiece.model", charsmap);

describe("charsmapNormalizer", () => {
  it("composes, unfolds compatibility characters, and drops the mark after a character with a rule", () => {
    assert.equal(normalize("cafe\u0301 ﬁne Ａ"), "café fine A");
    assert.equal(normalize("½"), "1\u20442");
    assert.equal(normalize("½\u0301"), "1\u20442");
  });

  it("treats every cluster of a long text as it would alone", () => {
    const parts = [
      "a",
      "e\u0301",
      "½\u0301",
      "森",
      "👨‍👩‍👧",
      "🇩🇪",
      "\u0301".repeat(1500),
      "क्षि",
      " ",
      "ﬁ",
      "\r\n",
    ];
    const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...parts), { minLength: 600, maxLength: 1500 }), (chosen) => {
        const text = chosen.join("");
        const alone = Array.from(segmenter.segment(text), ({ segment }) => normalize(segment));
        assert.equal(normalize(text), alone.join(""));
      }),
      { numRuns: 5 },
    );
  });

  it("changes nothing where a model has no rules", () => {
    assert.equal(charsmapNormalizer("spiece.model", new Uint8Array())("ﬁ"), "ﬁ");
  });

  it("refuses a trie that does not fit", () => {
    for (const bytes of [[1], [8, 0, 0, 0, 1, 2, 3, 4], [3, 0, 0, 0, 1, 2, 3], [0, 0, 0, 0]])
      assert.throws(() => charsmapNormalizer("spiece.model", Uint8Array.from(bytes)), {
        code: "invalid_checkpoint",
        message: /^spiece\.model: its charsmap of \d bytes says that its trie has \d/,
      });
  });
});
