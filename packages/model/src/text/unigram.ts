// The unigram model: the most probable way to write a word with the pieces of the vocabulary.
// https://github.com/huggingface/tokenizers, models/unigram/model.rs (encode_optimized).
import type { Piece } from "./sentencepiece-model.js";

const UNKNOWN_PENALTY = 10; // below the least score of all pieces

/** Word to ids. Characters that no piece holds have the id `unknownId`, a run of them once. */
export function unigram(pieces: readonly Piece[], unknownId: number): (word: string) => number[] {
  const ids = new Map(pieces.map(({ text }, id) => [text, id])); // of pieces with the same text the last one counts
  const longest = pieces.reduce((length, { text }) => Math.max(length, Array.from(text).length), 0);
  const unknownScore =
    pieces.reduce((least, { score }) => Math.min(least, score), Infinity) - UNKNOWN_PENALTY;

  return (word) => {
    // Viterbi over the positions between characters: the best piece that ends there, and the score up to it.
    const characters = Array.from(word);
    const best: ({ readonly from: number; readonly id: number; readonly score: number } | undefined)[] = [];
    const offer = (from: number, to: number, id: number, score: number): void => {
      const known = best[to];
      if (known === undefined || score > known.score) best[to] = { from, id, score };
    };
    for (let from = 0; from < characters.length; from++) {
      const reached = best[from]?.score ?? 0;
      const character = characters[from] as string;
      if (!ids.has(character)) offer(from, from + 1, unknownId, unknownScore + reached);
      let text = "";
      for (let to = from + 1; to <= Math.min(from + longest, characters.length); to++) {
        text += characters[to - 1];
        const id = ids.get(text);
        if (id !== undefined) offer(from, to, id, (pieces[id] as Piece).score + reached); // float64, in this order
      }
    }

    const found: number[] = [];
    let unknownUpTo: number | undefined; // end of a run of unknown characters
    const endRun = (start: number): void => {
      if (unknownUpTo === undefined) return;
      found.push(ids.get(characters.slice(start, unknownUpTo).join("")) ?? unknownId);
      unknownUpTo = undefined;
    };
    for (let to = characters.length; to > 0; ) {
      const { from, id } = best[to] as { from: number; id: number };
      if (id === unknownId) unknownUpTo ??= to;
      else {
        endRun(to);
        found.push(id);
      }
      to = from;
    }
    endRun(0);
    return found.reverse();
  };
}
