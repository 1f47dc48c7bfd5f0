// The unigram model: the most probable way to write a word with the pieces of the vocabulary.
// https://github.com/huggingface/tokenizers, models/unigram/model.rs (encode_optimized).
import type { Piece } from "./sentencepiece-model.js";

interface Node {
  readonly next: Map<number, Node>; // by code point
  id: number | undefined;
}

const UNKNOWN_PENALTY = 10; // below the least score of all pieces

/** Word to ids. Characters that no piece holds have the id `unknownId`, a run of them once. */
export function unigram(pieces: readonly Piece[], unknownId: number): (word: string) => number[] {
  const root: Node = { next: new Map(), id: undefined };
  const ids = new Map<string, number>();
  let unknownScore = Infinity;
  for (const [id, { text, score }] of pieces.entries()) {
    let node = root;
    for (const character of text) {
      const code = character.codePointAt(0) as number;
      const next = node.next.get(code) ?? { next: new Map(), id: undefined };
      node.next.set(code, next);
      node = next;
    }
    node.id = id; // of pieces with the same text the last one counts
    ids.set(text, id);
    unknownScore = Math.min(unknownScore, score - UNKNOWN_PENALTY);
  }

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
      let node: Node | undefined = root;
      let isKnown = false;
      for (let to = from + 1; to <= characters.length; to++) {
        node = node.next.get((characters[to - 1] as string).codePointAt(0) as number);
        if (node === undefined) break;
        if (node.id === undefined) continue;
        offer(from, to, node.id, (pieces[node.id] as Piece).score + reached); // summed in float64, in this order
        if (to === from + 1) isKnown = true;
      }
      if (!isKnown) offer(from, from + 1, unknownId, unknownScore + reached);
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
