/** Items of a piece, at most twice as many: what adding and removing one may move. */
const PIECE = 512;

/**
 * Items in their order, in pieces: to add one to a hundred thousand, or to take the first away, moves a few hundred. In one
 * array it moves them all.
 */
export class SortedList<Key, Item extends Key = Key> {
  readonly #comesBefore: (a: Key, b: Key) => boolean;
  /** None is empty. */
  readonly #pieces: Item[][] = [];
  #length = 0;

  /** @param comesBefore a strict total order */
  constructor(comesBefore: (a: Key, b: Key) => boolean) {
    this.#comesBefore = comesBefore;
  }

  get length(): number {
    return this.#length;
  }

  /** The item at this place, the first at 0; undefined beyond the last. Quick near the first. */
  at(place: number): Item | undefined {
    let left = place;
    for (const piece of this.#pieces) {
      if (left < piece.length) return piece[left];
      left -= piece.length;
    }
    return undefined;
  }

  add(item: Item): void {
    this.#length += 1;
    const at = Math.min(this.#pieceOf(item), this.#pieces.length - 1);
    const piece = this.#pieces[at];
    if (piece === undefined) {
      this.#pieces.push([item]);
      return;
    }
    piece.splice(this.#placeIn(piece, item), 0, item);
    if (piece.length > 2 * PIECE) this.#pieces.splice(at + 1, 0, piece.splice(PIECE));
  }

  /** Removes the item with this key, if there is one. */
  remove(key: Key): void {
    const at = this.#pieceOf(key);
    const piece = this.#pieces[at];
    if (piece === undefined) return;
    const place = this.#placeIn(piece, key);
    if (this.#comesBefore(key, piece[place] as Item)) return;
    this.#length -= 1;
    piece.splice(place, 1);
    if (piece.length === 0) this.#pieces.splice(at, 1);
  }

  /** How many come before this key. */
  placeOf(key: Key): number {
    const at = this.#pieceOf(key);
    const piece = this.#pieces[at];
    const before = this.#pieces.slice(0, at).reduce((sum, { length }) => sum + length, 0);
    return before + (piece === undefined ? 0 : this.#placeIn(piece, key));
  }

  /** From the last to the first, of those that come before `end` when there is one. Do not change the list meanwhile. */
  *backwards(end?: Key): Generator<Item, void, undefined> {
    let at = end === undefined ? this.#pieces.length : this.#pieceOf(end);
    const cut = this.#pieces[at];
    if (end !== undefined && cut !== undefined) yield* cut.slice(0, this.#placeIn(cut, end)).reverse();
    while (at > 0) {
      at -= 1;
      yield* (this.#pieces[at] ?? []).toReversed();
    }
  }

  /** The first piece that does not end before the key. */
  #pieceOf(key: Key): number {
    return firstAt(this.#pieces, (piece) => !this.#comesBefore(piece.at(-1) as Item, key));
  }

  #placeIn(piece: readonly Item[], key: Key): number {
    return firstAt(piece, (item) => !this.#comesBefore(item, key));
  }
}

/** Where the first is for which this holds, as it does for all after it; the length when it holds for none. */
function firstAt<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(items[middle] as T)) high = middle;
    else low = middle + 1;
  }
  return low;
}
