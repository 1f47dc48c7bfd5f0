// T5's buckets of relative positions. Source: transformers, models/t5/modeling_t5.py (_relative_position_bucket).

/** Bucket of every (query, key) pair of a sequence of `length`, both directions: int32 [length, length]. */
export function relativeBuckets(length: number, buckets: number, maxDistance: number): Int32Array {
  const byDistance = Int32Array.from({ length: 2 * length - 1 }, (_, i) =>
    relativeBucket(i - (length - 1), buckets, maxDistance),
  );
  const table = new Int32Array(length * length);
  for (let query = 0; query < length; query++) {
    const first = length - 1 - query; // key 0 stands at -query
    table.set(byDistance.subarray(first, first + length), query * length);
  }
  return table;
}

/** `relative` is key index - query index. Half the buckets for keys that follow, half of those for single distances. */
export function relativeBucket(relative: number, buckets: number, maxDistance: number): number {
  const half = Math.floor(buckets / 2);
  const exact = Math.floor(half / 2);
  const side = relative > 0 ? half : 0;
  const distance = Math.abs(relative);
  if (distance < exact) return side + distance;
  // float32 after each operation, as torch does: some distances fall right on a boundary.
  const log = Math.fround(Math.log(Math.fround(distance / exact)));
  const share = Math.fround(log / Math.fround(Math.log(maxDistance / exact)));
  return side + Math.min(exact + Math.floor(Math.fround(share * (half - exact))), half - 1);
}
