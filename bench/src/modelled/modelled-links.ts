// A MODEL of a network: every rank has a port that sends and one that receives, both of a given bandwidth, shared evenly
// by the messages under way. The bytes really move, through the group that is wrapped; a message arrives when both the
// real one and its model have.
import { type Clock, ClusterError } from "@cogfleet/core";
import { type Block, blockBytes, copyBlocks, type Group } from "@cogfleet/parallel";

/** What a link can carry, in the model's seconds. */
export interface LinkRate {
  readonly bytesPerSecond: number;
  readonly latencySeconds: number;
}

interface Flow {
  readonly from: number;
  readonly to: number;
  left: number;
  arrive(): void;
}

interface Meeting {
  readonly arrived: Promise<void>;
  arrive(): void;
  offered?: readonly Block[];
  awaited?: readonly Block[];
}

interface Message {
  readonly from: number;
  readonly to: number;
  readonly tag: string;
}

/** The network between ranks that live in one process. */
export class ModelledLinks {
  readonly #clock: Clock;
  readonly #ranks: number;
  readonly #rate: LinkRate;
  #timeScale = 0;
  readonly #meetings = new Map<string, Meeting>();
  readonly #flows = new Set<Flow>();
  #sent: number[] = [];
  #received: number[] = [];
  #movedAt = 0;
  #wake = new AbortController();

  constructor(clock: Clock, ranks: number, rate: LinkRate) {
    this.#clock = clock;
    this.#ranks = ranks;
    this.#rate = rate;
    this.restart(0);
  }

  /** Counts anew, when nothing is under way. `timeScale`: seconds here for a second of the model; 0 takes no time. */
  restart(timeScale: number): void {
    this.#timeScale = timeScale;
    this.#sent = Array.from({ length: this.#ranks }, () => 0);
    this.#received = Array.from({ length: this.#ranks }, () => 0);
  }

  /** Bytes so far, of all ranks. */
  get bytes(): number {
    return this.#sent.reduce((a, b) => a + b, 0);
  }

  /** The model's seconds that the busier of a rank's ports has carried something, had it been full all the time. */
  portSeconds(rank: number): number {
    const most = Math.max(this.#sent[rank] as number, this.#received[rank] as number);
    return most / this.#rate.bytesPerSecond;
  }

  /** `group` over this network. */
  wrap(group: Group): Group {
    const model = this.group(group.rank, 0);
    return {
      ...model,
      send: async (to, tag, blocks, signal) => {
        await Promise.all([group.send(to, tag, blocks, signal), model.send(to, tag, blocks, signal)]);
      },
      recv: async (from, tag, into, signal) => {
        await Promise.all([group.recv(from, tag, into, signal), model.recv(from, tag, into, signal)]);
      },
    };
  }

  /** A rank whose messages take their time; those of more than `carriedBytes` leave what receives them as it was. */
  group(rank: number, carriedBytes: number): Group {
    const meet = (message: Message, side: "offered" | "awaited", blocks: readonly Block[]): Promise<void> =>
      this.#meet(message, side, blocks, carriedBytes);
    return {
      rank,
      size: this.#ranks,
      send: (to, tag, blocks) => meet({ from: rank, to, tag }, "offered", blocks),
      recv: (from, tag, into) => meet({ from, to: rank, tag }, "awaited", into),
    };
  }

  #meet(
    { from, to, tag }: Message,
    side: "offered" | "awaited",
    blocks: readonly Block[],
    carriedBytes: number,
  ): Promise<void> {
    const key = `${from}>${to} ${tag}`;
    const meeting = this.#meetings.get(key) ?? newMeeting();
    this.#meetings.set(key, meeting);
    meeting[side] = blocks;
    const { offered, awaited } = meeting;
    if (offered !== undefined && awaited !== undefined) {
      this.#meetings.delete(key);
      const bytes = blockBytes(offered);
      if (bytes <= carriedBytes) copyBlocks(offered, awaited);
      this.#start({ from, to, left: bytes, arrive: meeting.arrive });
    }
    return meeting.arrived;
  }

  #start(flow: Flow): void {
    this.#sent[flow.from] = (this.#sent[flow.from] as number) + flow.left;
    this.#received[flow.to] = (this.#received[flow.to] as number) + flow.left;
    if (this.#timeScale === 0) flow.arrive();
    else {
      this.#move();
      this.#flows.add(flow);
      this.#schedule();
    }
  }

  /** Takes off what has moved since the last look, and lets arrive what is through. */
  #move(): void {
    const now = this.#clock.now();
    const seconds = (now - this.#movedAt) / 1000;
    this.#movedAt = now;
    const speeds = [...this.#flows].map((flow) => [flow, this.#speed(flow)] as const);
    for (const [flow, speed] of speeds) {
      flow.left -= speed * seconds;
      if (flow.left > speed * RESOLUTION_SECONDS) continue;
      this.#flows.delete(flow);
      this.#later(1000 * this.#rate.latencySeconds * this.#timeScale, flow.arrive);
    }
  }

  /** Bytes a second, here: an even part of the more crowded of its two ports. */
  #speed({ from, to }: Flow): number {
    let sending = 0;
    let receiving = 0;
    for (const flow of this.#flows) {
      if (flow.from === from) sending++;
      if (flow.to === to) receiving++;
    }
    return this.#rate.bytesPerSecond / this.#timeScale / Math.max(sending, receiving);
  }

  /** Looks again when the next message will be through. */
  #schedule(): void {
    this.#wake.abort(new ClusterError("cancelled", "another message came"));
    if (this.#flows.size === 0) return;
    const seconds = Math.min(...[...this.#flows].map((flow) => flow.left / this.#speed(flow)));
    const wake = new AbortController();
    this.#wake = wake;
    this.#later(
      1000 * seconds,
      () => {
        this.#move();
        this.#schedule();
      },
      wake.signal,
    );
  }

  #later(ms: number, then: () => void, signal: AbortSignal = new AbortController().signal): void {
    this.#clock.sleep(Math.max(0, ms), signal).then(then, () => {});
  }
}

/** Timers are not finer: what is nearer to its end than this is through. */
const RESOLUTION_SECONDS = 0.0005;

function newMeeting(): Meeting {
  let arrive = (): void => {};
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  return { arrived, arrive: () => arrive() };
}
