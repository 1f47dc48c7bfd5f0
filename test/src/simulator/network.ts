import { ClusterError } from "@cogfleet/core";
import type { Dice } from "./dice.js";
import type { SimProcess } from "./sim-process.js";
import { Socket, type Wire } from "./socket.js";
import type { World } from "./world.js";

// How long one way takes, milliseconds.
const LEAST_MS = 0.2;
const USUAL_MS = 3;
/** How much later what is repeated comes at most. */
const LATEST_REPEAT_MS = 3_000;
/** Of gRPC's keepalive, as workers set it: a ping after so long, and so long for its answer. */
const KEEPALIVE_MS = 5_000;

interface Listener<Door> {
  readonly process: SimProcess;
  readonly door: Door;
}

type AnySocket = Pick<Socket<unknown, unknown>, "process" | "over" | "close" | "orphan"> & {
  readonly peer: { readonly process: SimProcess } | undefined;
};

/**
 * The network between hosts. Each call is a connection of its own, so that calls overtake each other. A partition holds
 * back what is sent until it heals or the keepalive gives up, as TCP does.
 * @param Door what a process that listens offers
 */
export class Network<Door> implements Wire {
  readonly #world: World;
  readonly #dice: Dice;
  readonly #listeners = new Map<string, Listener<Door>>();
  readonly #cutUntil = new Map<string, number>();
  readonly #repeatsUntil = new Map<string, number>();
  readonly #sockets = new Set<AnySocket>();
  readonly #processes = new WeakSet<SimProcess>();
  #slowness = 1;
  #slowUntil = 0;

  constructor(world: World, dice: Dice) {
    this.#world = world;
    this.#dice = dice;
  }

  now(): number {
    return this.#world.now;
  }

  /** Connections that somebody holds. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Lets others connect to the host of this process, until it ends. */
  listen(process: SimProcess, door: Door): void {
    this.#listeners.set(process.host, { process, door });
    process.onEnd(() => this.close(process));
  }

  /** What a host that listens offers. */
  doorOf(host: string): Door | undefined {
    return this.#listeners.get(host)?.door;
  }

  /** Takes no new connection. */
  close(process: SimProcess): void {
    if (this.#listeners.get(process.host)?.process === process) this.#listeners.delete(process.host);
  }

  /** Connects; `serve` is what happens on the other side. That nobody listens shows by the socket's end. */
  connect<Out, In>(
    client: SimProcess,
    host: string,
    serve: (door: Door, far: Socket<In, Out>) => void,
  ): Socket<Out, In> {
    const near = this.#open<Out, In>(client);
    const arrive = (): void => {
      const blockedMs = Math.max(this.blockedMs(client.host, host), this.blockedMs(host, client.host));
      if (near.over.aborted) return;
      if (blockedMs > 0) {
        client.after(blockedMs + this.delayMs(), arrive);
        return;
      }
      const listener = this.#listeners.get(host);
      if (listener === undefined)
        near.close(new ClusterError("unavailable", `the connection to ${host} was refused`));
      else {
        const far = this.#open<In, Out>(listener.process);
        near.join(far);
        listener.process.after(0, () => serve(listener.door, far));
      }
    };
    client.after(2 * this.delayMs(), arrive);
    this.#keepAlive(near, host, 0);
    return near;
  }

  /** Nothing gets from one host to the other for so long. */
  cut(from: string, to: string, ms: number): void {
    const key = `${from}>${to}`;
    this.#cutUntil.set(key, Math.max(this.#cutUntil.get(key) ?? 0, this.now() + ms));
  }

  /** Everything takes so many times as long, for so long. */
  slow(factor: number, ms: number): void {
    this.#slowness = factor;
    this.#slowUntil = this.now() + ms;
  }

  /** What this host sends comes twice now and then, for so long. */
  repeat(host: string, ms: number): void {
    this.#repeatsUntil.set(host, this.now() + ms);
  }

  /** How long after a message of this host the same comes again; undefined: it does not. */
  repeatMs(host: string): number | undefined {
    const isOver = (this.#repeatsUntil.get(host) ?? 0) <= this.now();
    return isOver || this.#dice.chance(0.5) ? undefined : this.#dice.between(0, LATEST_REPEAT_MS);
  }

  /** Ends every connection between two hosts, with what was under way. */
  reset(a: string, b: string): void {
    for (const socket of [...this.#sockets]) {
      const hosts = [socket.process.host, socket.peer?.process.host];
      if (hosts.includes(a) && hosts.includes(b)) this.#lose(socket, "the connection was reset");
    }
  }

  blockedMs(from: string, to: string): number {
    return Math.max(0, (this.#cutUntil.get(`${from}>${to}`) ?? 0) - this.now());
  }

  delayMs(): number {
    const slowness = this.#slowUntil > this.now() ? this.#slowness : 1;
    const lateness = this.#dice.chance(0.03) ? 15 : 1; // most are quick and some are late, as on a busy network
    return slowness * lateness * this.#dice.between(LEAST_MS, USUAL_MS);
  }

  #open<Out, In>(process: SimProcess): Socket<Out, In> {
    const socket = new Socket<Out, In>(this, process);
    this.#sockets.add(socket);
    socket.over.addEventListener("abort", () => this.#sockets.delete(socket), { once: true });
    if (!this.#processes.has(process)) {
      this.#processes.add(process);
      process.onEnd((isPowerLoss) => this.#abandon(process, isPowerLoss));
    }
    return socket;
  }

  /** The kernel closes what a process held; without power nobody does. */
  #abandon(process: SimProcess, isPowerLoss: boolean): void {
    for (const socket of [...this.#sockets]) {
      if (socket.process !== process) continue;
      this.#sockets.delete(socket);
      if (!isPowerLoss) socket.orphan(new ClusterError("unavailable", "the connection was lost"));
    }
  }

  #lose(socket: AnySocket, why: string): void {
    socket.close(new ClusterError("unavailable", why));
  }

  /** Looks now and then whether the other side can be heard; twice in vain ends the connection. */
  #keepAlive(near: AnySocket, host: string, inVain: number): void {
    near.process.after(KEEPALIVE_MS, () => {
      if (near.over.aborted) return;
      const { process: client, peer } = near;
      const isBlocked = this.blockedMs(client.host, host) > 0 || this.blockedMs(host, client.host) > 0;
      const isSilent = peer !== undefined && (!peer.process.isAlive || peer.process.isFrozen);
      if (!isBlocked && !isSilent) this.#keepAlive(near, host, 0);
      else if (inVain === 0) this.#keepAlive(near, host, 1);
      else this.#lose(near, "the other side does not answer");
    });
  }
}
