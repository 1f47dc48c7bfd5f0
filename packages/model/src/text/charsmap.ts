// The normalization rules of a SentencePiece model (NFKC and the like), as the Rust tokenizers library applies them:
// https://github.com/huggingface/tokenizers, normalizers/precompiled.rs, and its crate spm_precompiled.
import { ClusterError } from "@cogfleet/core";

/** Text to normalized text. */
export type Normalizer = (text: string) => string;

const BLOCK = 1024; // UTF-16 code units
const LONGEST_CLUSTER = 6; // bytes; from here on the library looks at single characters only

/**
 * `charsmap` is a double-array trie (Darts) over UTF-8, whose values are offsets into a blob of NUL-terminated
 * replacements: [bytes of the trie: u32][trie: u32 ...][blob]. Empty means no rules. `source` names the file in errors.
 */
export function charsmapNormalizer(source: string, charsmap: Uint8Array): Normalizer {
  if (charsmap.length === 0) return (text) => text;
  const view = new DataView(charsmap.buffer, charsmap.byteOffset, charsmap.byteLength);
  const trieBytes = charsmap.length < 4 ? 0 : view.getUint32(0, true);
  if (trieBytes < 4 || trieBytes % 4 !== 0 || trieBytes > charsmap.length - 4)
    throw new ClusterError(
      "invalid_checkpoint",
      `${source}: its charsmap of ${charsmap.length} bytes says that its trie has ${trieBytes}`,
    );
  const trie = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
  const blob = charsmap.subarray(4 + trieBytes);

  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  const replacement = (chunk: string): string | undefined => {
    const start = shortestMatch(trie, encoder.encode(chunk));
    if (start === undefined || start >= blob.length) return undefined;
    const end = blob.indexOf(0, start);
    return decoder.decode(blob.subarray(start, end === -1 ? blob.length : end));
  };

  // A whole short cluster is replaced by what stands for its shortest prefix that has a rule. It looks wrong, but
  // models are trained with it: "e" + acute finds the rule for both, "½" + a mark loses the mark.
  return (text) => {
    let normalized = "";
    for (const segment of clustersOf(text)) {
      const whole = encoder.encode(segment).length < LONGEST_CLUSTER ? replacement(segment) : undefined;
      if (whole !== undefined) normalized += whole;
      else for (const character of segment) normalized += replacement(character) ?? character;
    }
    return normalized;
  };
}

/**
 * The grapheme clusters of a text. A block at a time: V8's segmenter takes 17 s for 100,000 CJK characters in one
 * string, 0.2 s in pieces. A cluster does not depend on the ones before it, so a block may start at any of them.
 */
function* clustersOf(text: string): Generator<string> {
  const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
  let size = BLOCK;
  for (let at = 0; at < text.length; ) {
    const block = text.slice(at, at + size);
    const clusters = Array.from(segmenter.segment(block), ({ segment }) => segment);
    if (at + block.length < text.length) {
      // The last one may go on in the next block; if it is the only one, the block was too small for it.
      const last = clusters.pop() ?? "";
      size = clusters.length === 0 ? 2 * size : BLOCK;
      at += block.length - last.length;
    } else at = text.length;
    yield* clusters;
  }
}

/** The value of the shortest prefix of `key` that the trie holds. A damaged trie finds nothing. */
function shortestMatch(trie: Uint32Array, key: Uint8Array): number | undefined {
  let at = offsetOf(trie[0] ?? 0);
  for (const byte of key) {
    if (byte === 0) return undefined;
    at ^= byte;
    const unit = trie[at];
    if (unit === undefined || (unit & 0x800000ff) >>> 0 !== byte) return undefined;
    at ^= offsetOf(unit);
    if (((unit >>> 8) & 1) === 1) {
      const leaf = trie[at];
      return leaf === undefined ? undefined : leaf & 0x7fffffff;
    }
  }
  return undefined;
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}
