import { setFlagsFromString } from "node:v8";

/**
 * For processes that move tensors: lets the heap, the buffers outside of it included, grow six times before all of it is
 * collected. By default V8 marks a heap of 20 MB each time some 30 MB of buffers have come and gone: on the exchange of
 * two ranks that was a sixth of their time (docs/log.md). Costs up to six times the live heap in garbage.
 */
export function expectLargeBuffers(): void {
  setFlagsFromString("--heap-growing-percent=500");
}
