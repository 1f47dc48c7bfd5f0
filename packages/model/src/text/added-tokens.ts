// Tokens that stand for themselves (</s>, <pad>, <extra_id_7>): cut out of the text before anything else is done to it.
// https://github.com/huggingface/tokenizers, tokenizer/added_vocabulary.rs.
import { ClusterError } from "@cogfleet/core";
import { isObject } from "../checkpoint/disk.js";
import { shown } from "../checkpoint/shown.js";
import type { Piece } from "./sentencepiece-model.js";

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** It takes the white space on its left, on its right, with it. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
}

const T5_TOKENS: readonly string[] = ["<pad>", "</s>", "<unk>"];
const EXTRA_IDS = 100;

/**
 * The added tokens of a T5 tokenizer: those that `added_tokens_decoder` in its tokenizer_config.json lists, else
 * T5Tokenizer's own. `invalid_checkpoint` names every one that is wrong.
 */
export function addedTokensOf(
  source: string,
  config: Readonly<Record<string, unknown>>,
  pieces: readonly Piece[],
): readonly AddedToken[] {
  const tokens = new Map<string, AddedToken>();
  const add = (token: AddedToken): void =>
    void (tokens.has(token.content) || tokens.set(token.content, token));
  const { added_tokens_decoder: listed } = config;
  const problems: string[] = [];
  if (isObject(listed))
    for (const [key, value] of Object.entries(listed)) {
      const token = parseToken(Number(key), value);
      if (typeof token === "string") problems.push(`added_tokens_decoder ${shown(key)} ${token}`);
      else add(token);
    }
  // The model's own symbols count only where no list was saved; T5's three always do.
  for (const [id, { text, isSymbol }] of pieces.entries())
    if (T5_TOKENS.includes(text) || (isSymbol && !isObject(listed)))
      add({ id, content: text, lstrip: false, rstrip: false });
  if (!isObject(listed))
    for (let i = 0; i < EXTRA_IDS; i++) {
      const id = pieces.length + EXTRA_IDS - 1 - i;
      add({ id, content: `<extra_id_${i}>`, lstrip: false, rstrip: false });
    }

  // A token that is a piece has the piece's id; the others follow the pieces without a gap.
  const known = new Map(pieces.map(({ text }, id) => [text, id]));
  const ids = new Set([...tokens.values()].map(({ id }) => id));
  for (const { id, content } of tokens.values()) {
    const expected = known.get(content);
    if (expected !== undefined ? id !== expected : id < pieces.length || id >= pieces.length + ids.size)
      problems.push(
        `added token ${shown(content)} has id ${id}, expected ${expected ?? "one after the pieces'"}`,
      );
  }
  if (problems.length > 0)
    throw new ClusterError("invalid_checkpoint", `${source}: ${problems.slice(0, 3).join("; ")}`);
  return [...tokens.values()];
}

/** The id of characters that no piece holds: T5Tokenizer's, whatever the model says. */
export const UNKNOWN_ID = 2;

function parseToken(id: number, value: unknown): AddedToken | string {
  if (!Number.isSafeInteger(id) || id < 0) return "must be an id";
  if (!isObject(value)) return `must be an object, got ${shown(value)}`;
  const { content, lstrip = false, rstrip = false, normalized = false, single_word = false } = value;
  if (typeof content !== "string" || content === "") return `must have a content, got ${shown(content)}`;
  if (typeof lstrip !== "boolean" || typeof rstrip !== "boolean")
    return "must have lstrip and rstrip true or false";
  if (normalized !== false || single_word !== false)
    return "is supported with normalized and single_word false only";
  return { id, content, lstrip, rstrip };
}

/** Splits text into what lies between added tokens (strings) and their ids, in order; leftmost longest match. */
export function addedTokenSplitter(tokens: readonly AddedToken[]): (text: string) => (string | number)[] {
  const byContent = new Map(tokens.map((token) => [token.content, token]));
  const longestFirst = [...byContent.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map(escaped).join("|"), "gu");
  return (text) => {
    const parts: (string | number)[] = [];
    let done = 0;
    for (const { 0: content, index } of text.matchAll(pattern)) {
      const { id, lstrip, rstrip } = byContent.get(content) as AddedToken;
      const before = text.slice(done, index);
      const between = lstrip ? before.replace(/\p{White_Space}+$/u, "") : before;
      if (between !== "") parts.push(between);
      parts.push(id);
      done = index + content.length;
      if (rstrip) done += (/^\p{White_Space}*/u.exec(text.slice(done))?.[0] ?? "").length;
    }
    if (done < text.length) parts.push(text.slice(done));
    return parts;
  };
}

function escaped(literal: string): string {
  return literal.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
