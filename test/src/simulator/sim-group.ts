import { ClusterError, orAbort } from "@cogfleet/core";
import { type Block, blockBytes, checkPeer, rankLeft, readBlocks, writeBlocks } from "@cogfleet/parallel";
import type { JoinedGroup } from "@cogfleet/worker/testing/domain.js";
import type { Network } from "./network.js";
import type { SimProcess } from "./sim-process.js";

// As in packages/exchange: a rank that is silent for so long, or has not joined within so long, is lost.
const SILENT_MS = 2_500;
const LOOKS = 4;
const JOIN_MS = 10_000;
const RETRY_MS = 50;

/** A rank's place in a group. */
export interface Membership {
  readonly jobId: string;
  readonly epoch: number;
  readonly rank: number;
  /** Hosts by rank. */
  readonly hosts: readonly string[];
}

interface Offer {
  readonly data: Uint8Array;
  taken(error?: ClusterError): void;
}

/** All groups of a simulation: what members of one attempt offer each other. */
export class SimGroups<Door> {
  readonly #network: Network<Door>;
  readonly #members = new Map<string, Member>();

  constructor(network: Network<Door>) {
    this.#network = network;
  }

  /** Members that have not left. */
  get size(): number {
    return this.#members.size;
  }

  join(process: SimProcess, membership: Membership): JoinedGroup {
    const { jobId, epoch, rank, hosts } = membership;
    const key = (of: number): string => `${jobId} ${epoch} ${of}`;
    const member = new Member(process, rank);
    this.#members.set(key(rank), member);
    const forget = (): void => {
      if (this.#members.get(key(rank)) === member) this.#members.delete(key(rank));
    };
    process.onEnd(forget);
    const network = this.#network;
    const between = { process, network, host: process.host };
    for (const [peer, host] of hosts.entries())
      if (peer !== rank)
        void watch(between, member, { rank: peer, host }, () => this.#members.get(key(peer)));

    const ended = member.ended.signal;
    const group: JoinedGroup = {
      rank,
      size: hosts.length,
      ended,
      send: async (to, tag, blocks, signal) => {
        checkPeer(group, to);
        signal.throwIfAborted();
        ended.throwIfAborted();
        const data = new Uint8Array(blockBytes(blocks));
        readBlocks(blocks, 0, data);
        const taken = new Promise<void>((resolve, reject) => {
          member.offers.set(`${to} ${tag}`, { data, taken: (error) => (error ? reject(error) : resolve()) });
        });
        await orAbort(orAbort(taken, ended), signal);
      },
      recv: async (from, tag, into, signal) => {
        checkPeer(group, from);
        for (;;) {
          signal.throwIfAborted();
          ended.throwIfAborted();
          const host = hosts[from] ?? "";
          await orAbort(process.pass(network.delayMs() + network.delayMs()), signal);
          const isCut =
            network.blockedMs(host, process.host) > 0 || network.blockedMs(process.host, host) > 0;
          const peer = isCut ? undefined : this.#members.get(key(from));
          const offer = peer?.process.isFrozen === true ? undefined : peer?.offers.get(`${rank} ${tag}`);
          if (peer === undefined || offer === undefined) {
            if (peer?.hasLeft === true) throw rankLeft(from);
            await orAbort(process.pass(RETRY_MS), signal);
            continue;
          }
          peer.offers.delete(`${rank} ${tag}`);
          writeBlocks(into as readonly Block[], 0, offer.data);
          offer.taken();
          return;
        }
      },
      close: async (reason) => {
        if (reason !== undefined) {
          const message = `rank ${rank} failed: ${reason.code}: ${reason.message}`;
          member.fail(new ClusterError("peer_lost", message, { cause: reason, details: { rank } }));
        }
        member.leave();
        // Peers that come to hear how it ended find it for a while.
        process.after(SILENT_MS, forget);
      },
    };
    return group;
  }
}

/** One rank's part in a group, as its peers find it. */
class Member {
  readonly process: SimProcess;
  readonly rank: number;
  readonly ended = new AbortController();
  readonly offers = new Map<string, Offer>();
  failure: ClusterError | undefined;
  hasLeft = false;

  constructor(process: SimProcess, rank: number) {
    this.process = process;
    this.rank = rank;
  }

  fail(error: ClusterError): void {
    if (this.hasLeft || this.failure !== undefined) return;
    this.failure = error;
    this.ended.abort(error);
  }

  leave(): void {
    this.hasLeft = true;
    this.ended.abort(rankLeft(this.rank));
  }
}

/** Notices that a peer has failed, fell silent or never came. */
async function watch(
  {
    process,
    network,
    host,
  }: { process: SimProcess; network: Pick<Network<unknown>, "blockedMs">; host: string },
  member: Member,
  peer: { readonly rank: number; readonly host: string },
  find: () => Member | undefined,
): Promise<void> {
  let inVain = 0;
  let hasJoined = false;
  for (let waitedMs = 0; !member.ended.signal.aborted; waitedMs += SILENT_MS / LOOKS) {
    await process.pass(SILENT_MS / LOOKS);
    const found = network.blockedMs(peer.host, host) > 0 ? undefined : find();
    const other = found?.process.isFrozen === true ? undefined : found;
    if (other?.failure !== undefined) {
      const { rank } = other.failure.details;
      member.fail(lost(typeof rank === "number" ? rank : peer.rank, other.failure.message));
    }
    if (other?.hasLeft === true) {
      for (const [name, offer] of member.offers)
        if (name.startsWith(`${peer.rank} `)) offer.taken(rankLeft(peer.rank));
      return;
    }
    hasJoined ||= other !== undefined;
    inVain = other === undefined && hasJoined ? inVain + 1 : 0;
    if (inVain >= LOOKS) member.fail(lost(peer.rank, "was not heard any more"));
    if (!hasJoined && waitedMs >= JOIN_MS) member.fail(lost(peer.rank, "did not join in time"));
  }
}

function lost(rank: number, why: string): ClusterError {
  return new ClusterError("peer_lost", `rank ${rank} ${why}`, { details: { rank } });
}
