// The boxes an MP4 file is made of (ISO/IEC 14496-12): four bytes of size, four of type, then the content.
import { ClusterError } from "@cogfleet/core";

export interface Box {
  /** Four characters, such as "moov". */
  readonly type: string;
  /** Position of the content, and of the byte after it. */
  readonly start: number;
  readonly end: number;
}

/** The boxes from `start` to `end`, which must be filled by them. */
export function boxesIn(file: Uint8Array, start = 0, end = file.length): Box[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const boxes: Box[] = [];
  for (let at = start; at < end; ) {
    let size = at + 8 <= end ? view.getUint32(at) : 0;
    let header = 8;
    if (size === 1 && at + 16 <= end) {
      size = Number(view.getBigUint64(at + 8)); // too large for four bytes
      header = 16;
    }
    if (size < header || at + size > end)
      throw new ClusterError("internal", `an MP4 box at byte ${at} has the impossible size ${size}`);
    const type = String.fromCharCode(...file.subarray(at + 4, at + 8));
    boxes.push({ type, start: at + header, end: at + size });
    at += size;
  }
  return boxes;
}

/** The first box at `path`, such as ["moov", "trak", "mdia"]. */
export function findBox(file: Uint8Array, path: readonly string[]): Box | undefined {
  let found: Box | undefined;
  for (const type of path) {
    found = boxesIn(file, found?.start, found?.end).find((box) => box.type === type);
    if (found === undefined) return undefined;
  }
  return found;
}

const TIMED = [
  ["moov", "mvhd"],
  ["moov", "trak", "tkhd"],
  ["moov", "trak", "mdia", "mdhd"],
] as const;

/** Sets the times of creation and modification to 0, "not known", in place: equal videos are equal files. */
export function clearTimes(file: Uint8Array): void {
  for (const path of TIMED) {
    const box = findBox(file, path);
    if (box === undefined) throw new ClusterError("internal", `the MP4 has no ${path.join("/")}`);
    const isLong = file[box.start] === 1; // version 1 has times of eight bytes; 4 bytes of version and flags first
    file.fill(0, box.start + 4, box.start + 4 + (isLong ? 16 : 8));
  }
}
