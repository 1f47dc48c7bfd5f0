import { join } from "node:path";
import { ClusterError } from "@cogfleet/core";
import { readJsonObject, readSmallFile, statOf } from "../checkpoint/disk.js";
import type { Tokenizer } from "../components.js";
import { addedTokenSplitter, addedTokensOf, UNKNOWN_ID } from "./added-tokens.js";
import { charsmapNormalizer } from "./charsmap.js";
import { parseSentencePieceModel } from "./sentencepiece-model.js";
import { unigram } from "./unigram.js";

const MAX_MODEL_BYTES = 16 * 2 ** 20; // T5's has 0.8 MB, mT5's 4.3 MB
const WORD_START = "\u2581";

/** A tokenizer and how many ids it can give: all are below `idCount`. */
export type OpenTokenizer = Tokenizer & { readonly idCount: number };

/**
 * Opens a T5 tokenizer's folder: spiece.model and, where there is one, tokenizer_config.json. Gives the ids of
 * transformers 5's T5Tokenizer (docs/adr/0003), which differ here and there from SentencePiece's own.
 */
export async function openTokenizer(folder: string, signal: AbortSignal): Promise<OpenTokenizer> {
  signal.throwIfAborted();
  const modelFile = join(folder, "spiece.model");
  const model = await readSmallFile(modelFile, MAX_MODEL_BYTES);
  const configFile = join(folder, "tokenizer_config.json");
  const hasConfig = (await statOf(configFile)) !== undefined;
  const config = hasConfig ? await readJsonObject(configFile) : {};
  return createTokenizer({ modelFile, model, configFile, config });
}

/** The same from what the files hold; their names are for errors. */
export function createTokenizer(files: {
  readonly modelFile: string;
  readonly model: Uint8Array;
  readonly configFile: string;
  readonly config: Readonly<Record<string, unknown>>;
}): OpenTokenizer {
  const { modelFile, configFile } = files;
  const { pieces, charsmap } = parseSentencePieceModel(modelFile, files.model);
  if (pieces.length <= UNKNOWN_ID)
    throw new ClusterError("invalid_checkpoint", `${modelFile} holds ${pieces.length} pieces, expected more`);
  const normalize = charsmapNormalizer(modelFile, charsmap);
  const added = addedTokensOf(configFile, files.config, pieces);
  const split = addedTokenSplitter(added);
  const encodeWord = unigram(pieces, UNKNOWN_ID);
  const idOf = (content: string): number => {
    const token = added.find((candidate) => candidate.content === content);
    if (token === undefined)
      throw new ClusterError("invalid_checkpoint", `${modelFile} has no piece ${content}, which T5 needs`);
    return token.id;
  };
  const end = idOf("</s>");
  const pad = idOf("<pad>");

  const contentIds = (text: string): number[] =>
    split(text).flatMap((part) =>
      typeof part === "number" ? [part] : wordsOf(normalize(part)).flatMap(encodeWord),
    );

  return {
    idCount: added.reduce((count, { id }) => Math.max(count, id + 1), pieces.length),
    encode(text, maxLength) {
      const content = contentIds(text);
      const ids = [...content.slice(0, maxLength - 1), end];
      return {
        ids: [...ids, ...new Array<number>(maxLength - ids.length).fill(pad)],
        tokens: content.length + 1,
      };
    },
  };
}

/** Words as the model knows them: split at white space, each with one U+2581 in front, split at others inside. */
function wordsOf(text: string): string[] {
  return text
    .split(/\p{White_Space}+/u)
    .filter((word) => word !== "")
    .map((word) => (word.startsWith(WORD_START) ? word : WORD_START + word))
    .flatMap((word) => word.match(/\u2581?[^\u2581]+|\u2581/gu) ?? []);
}
