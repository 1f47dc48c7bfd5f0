// Ranks of a benchmark, a process each. The parent's side is `startRankChildren`, the child's `answerParent`.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { expectLargeBuffers } from "@cogfleet/core";
import type { Addresses } from "./exchange-end.js";

/** Processes that each answer one request at a time. */
export interface RankChildren<Request, Reply> {
  /** Where each one's exchange listens, by rank. */
  readonly addresses: readonly Addresses[];
  ask(rank: number, request: Request): Promise<Reply>;
  /** Asks all of them at once. */
  askAll(requestOf: (rank: number) => Request): Promise<Reply[]>;
  stop(): void;
}

/** Starts `count` processes of a script beside this file, and waits until they listen. */
export async function startRankChildren<Request, Reply>(
  script: string,
  argv: readonly string[],
  count: number,
): Promise<RankChildren<Request, Reply>> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const children = Array.from({ length: count }, () => fork(path, argv));
  const stop = (): void => {
    for (const child of children) child.disconnect();
  };
  const ask = (rank: number, request: Request): Promise<Reply> => {
    const child = children[rank] as ChildProcess;
    const reply = nextMessage<Reply>(child);
    child.send(request as object);
    return reply;
  };
  try {
    return {
      addresses: await Promise.all(children.map((child) => nextMessage<Addresses>(child))),
      ask,
      askAll: (requestOf) => Promise.all(children.map((_, rank) => ask(rank, requestOf(rank)))),
      stop,
    };
  } catch (reason) {
    stop();
    throw reason;
  }
}

/** In the child: says where it listens, then answers until the parent goes. A request that fails ends the process. */
export function answerParent<Request, Reply>(
  addresses: Addresses,
  obey: (request: Request) => Promise<Reply>,
): void {
  expectLargeBuffers(); // as a worker does
  process.on("message", (message) => {
    obey(message as Request).then(
      (reply) => process.send?.(reply),
      (reason: unknown) => {
        process.stderr.write(`${reason instanceof Error ? reason.stack : reason}\n`);
        process.exit(1);
      },
    );
  });
  process.on("disconnect", () => process.exit(0));
  process.send?.(addresses);
}

async function nextMessage<Message>(child: ChildProcess): Promise<Message> {
  const stop = new AbortController();
  const exited = once(child, "exit", { signal: stop.signal }).then(([code]) => {
    throw new Error(`a rank ended with code ${code} before it replied`);
  });
  const [message] = await Promise.race([once(child, "message"), exited]);
  stop.abort();
  await exited.catch(() => {});
  return message as Message;
}
