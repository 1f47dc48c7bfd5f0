import { ClusterError, linkSignals } from "@cogfleet/core";
import type { Network } from "./network.js";
import type { SimProcess } from "./sim-process.js";
import type { Socket } from "./socket.js";

type Answer<T> =
  | { readonly kind: "item"; readonly item: T }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly error: ClusterError };

/** What a call needs on its way. */
export interface Caller<Door> {
  readonly network: Network<Door>;
  readonly process: SimProcess;
  readonly host: string;
  /** Told of what a handler threw that is nobody's fault but its own. */
  readonly onBug: (reason: unknown) => void;
}

/** A call with one answer. The handler's signal aborts when the caller is gone. */
export async function unary<Door, T>(
  caller: Caller<Door>,
  handler: (door: Door, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  async function* one(door: Door, gone: AbortSignal): AsyncGenerator<T> {
    yield await handler(door, gone);
  }
  let answer: { readonly item: T } | undefined;
  for await (const item of serverStream(caller, one, signal)) answer = { item };
  if (answer === undefined) throw new ClusterError("internal", "a call ended without an answer");
  return answer.item;
}

/** A call with many answers, no more of them under way than the caller reads. */
export async function* serverStream<Door, T>(
  caller: Caller<Door>,
  handler: (door: Door, signal: AbortSignal) => AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const socket = caller.network.connect<"more", Answer<T>>(caller.process, caller.host, (door, far) => {
    void answer(far, handler(door, far.over), caller.onBug);
  });
  yield* answers(socket, signal);
}

/** Sends bytes, a piece at a time; resolves when the other side has taken them all. */
export async function upload<Door>(
  caller: Caller<Door>,
  pieces: readonly Uint8Array[],
  handler: (door: Door, data: AsyncIterable<Uint8Array>, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const socket = caller.network.connect<Uint8Array, Answer<true>>(
    caller.process,
    caller.host,
    (door, far) => {
      async function* taken(): AsyncGenerator<true> {
        await handler(door, far, far.over);
        yield true;
      }
      void answer(far, taken(), caller.onBug);
    },
  );
  for (const piece of pieces) socket.send(piece);
  socket.end();
  for await (const _ of answers(socket, signal));
}

async function answer<T, In>(
  far: Socket<Answer<T>, In>,
  items: AsyncIterable<T>,
  onBug: (reason: unknown) => void,
): Promise<void> {
  try {
    for await (const item of items) far.send({ kind: "item", item });
    far.send({ kind: "done" });
  } catch (reason) {
    const error = far.over.aborted ? ClusterError.from(far.over.reason) : ClusterError.from(reason);
    if (error.code === "internal") onBug(reason);
    far.send({ kind: "failed", error });
  }
  far.close();
}

async function* answers<T, Out>(
  socket: Socket<Out, Answer<T>>,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const onAbort = (): void => socket.close(ClusterError.from(signal.reason));
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  try {
    for await (const answer of socket) {
      if (answer.kind === "item") yield answer.item;
      else if (answer.kind === "failed") throw answer.error;
      else return;
    }
  } catch (reason) {
    signal.throwIfAborted();
    throw reason;
  } finally {
    signal.removeEventListener("abort", onAbort);
    socket.close();
  }
}

/** A signal that aborts after so long. */
export function timeLimit(
  process: SimProcess,
  ms: number,
  ...signals: readonly AbortSignal[]
): { readonly signal: AbortSignal; clear(): void } {
  const late = new AbortController();
  const linked = linkSignals(late.signal, ...signals);
  const cancel = process.after(ms, () =>
    late.abort(new ClusterError("unavailable", `no answer came within ${ms} ms`)),
  );
  return {
    signal: linked.signal,
    clear() {
      cancel();
      linked.unlink();
    },
  };
}
