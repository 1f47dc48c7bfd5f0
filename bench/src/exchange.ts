import { fork } from "node:child_process";
import { once } from "node:events";
import { type Clock, expectLargeBuffers } from "@cogfleet/core";
import { openEnd, type Way } from "./exchange-end.js";
import type { ParentMessage, PeerHello } from "./exchange-peer.js";
import { EXCHANGE_PEER, readRaw, receiveAll, TRAFFIC } from "./exchange-traffic.js";
import { type BenchResult, median, spread } from "./report.js";

/** Tensors pulled from another process, checked and placed, against a bare socket that does the same. */
export async function exchangeBench(
  { repeats }: { readonly repeats: number },
  clock: Clock,
): Promise<BenchResult[]> {
  expectLargeBuffers(); // as a worker does, in both processes
  const child = fork(EXCHANGE_PEER);
  const end = await openEnd({ frameBytes: TRAFFIC.frameBytes });
  try {
    const [hello] = (await once(child, "message")) as [PeerHello];
    const tell = (message: ParentMessage): boolean => child.send(message);
    tell({ kind: "join", addresses: end.addresses });
    const groups = await end.join(0, [end.addresses, hello.addresses]);
    const into = Array.from({ length: TRAFFIC.abreast }, () => new Uint8Array(TRAFFIC.messageBytes));
    const [first] = into as [Uint8Array];
    const bytes = TRAFFIC.messages * TRAFFIC.messageBytes;
    const rate = async (round: () => Promise<void>): Promise<number> => {
      const start = clock.now();
      await round();
      return bytes / 1e6 / (clock.now() - start);
    };
    const pulled = (way: Way) => (): Promise<number> => {
      tell({ kind: "send", way });
      return rate(() => receiveAll(groups[way], into));
    };
    const ways = {
      tcp: pulled("tcp"),
      shared: pulled("shared-memory"),
      raw: () => rate(() => readRaw(hello.rawPort, first, 0)),
      rawLargeReads: () => rate(() => readRaw(hello.rawPort, first, 1024 * 1024)),
    };
    const rounds: Record<keyof typeof ways, number>[] = [];
    for (let i = 0; i <= repeats; i++) {
      const { raw, tcp, shared, rawLargeReads } = ways;
      // One after another, so that all see the same machine; the first round only warms up.
      const round = {
        raw: await raw(),
        tcp: await tcp(),
        rawLargeReads: await rawLargeReads(),
        shared: await shared(),
      };
      if (i > 0) rounds.push(round);
    }
    const figures = Object.fromEntries(
      Object.keys(ways).map((way) => [
        `${way}_gb_per_second`,
        median(rounds.map((round) => round[way as keyof typeof ways])),
      ]),
    );
    const row = (
      bench: string,
      goal: number | null,
      what: string,
      ratio: (r: (typeof rounds)[0]) => number,
    ) => ({
      bench,
      ...spread(rounds.map(ratio)),
      goal,
      better: "higher" as const,
      what,
      figures,
    });
    return [
      row("exchange", 0.75, "pulled over TCP / bare TCP, both checksummed and placed", (r) => r.tcp / r.raw),
      row(
        "exchange-large-reads",
        null,
        "pulled over TCP / bare TCP that reads 1 MiB at a time",
        (r) => r.tcp / r.rawLargeReads,
      ),
      row("exchange-same-host", null, "pulled through shared memory / bare TCP", (r) => r.shared / r.raw),
    ];
  } finally {
    child.disconnect();
    await end.close();
  }
}
