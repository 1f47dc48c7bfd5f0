import { MessageChannel } from "node:worker_threads";

/** A port that leads nowhere: what is transferred to it is gone. */
const { port1: nowhere } = new MessageChannel();
nowhere.close();

/**
 * Gives back the memory of arrays that nothing reads any more: now, instead of when the garbage is collected. Their
 * buffers are detached. For large arrays that come and go: V8 counts their bytes and collects the whole heap again and
 * again because of them, and every new one lies in fresh pages (docs/log.md has the figures). An array that does not
 * fill its buffer is left alone, since the rest of the buffer may be somebody's.
 */
export function freeMemory(arrays: Iterable<ArrayBufferView>): void {
  const buffers = new Set<ArrayBuffer>();
  // An empty one has nothing to give, and may be detached already: Node 24 refuses to transfer it.
  for (const { buffer, byteLength } of arrays)
    if (buffer instanceof ArrayBuffer && byteLength > 0 && byteLength === buffer.byteLength)
      buffers.add(buffer);
  nowhere.postMessage(undefined, [...buffers]);
}
