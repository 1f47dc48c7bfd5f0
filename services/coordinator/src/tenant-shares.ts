import type { Clock } from "@cogfleet/core";

/** A rank that is held counts as so much use to come: of two tenants that are even, the one that holds less is next. */
const AHEAD_MS = 60_000;
const MANY = 10_000;

interface Usage {
  readonly ranks: number;
  /** Rank-milliseconds. */
  readonly used: number;
  /** Monotonic milliseconds. */
  readonly asOf: number;
}

/**
 * What tenants use of the fleet: whoever has had least is next. Tenants that want more all the time get equal
 * rank-seconds, whoever submits more, or longer jobs. Who wants nothing saves nothing up: on coming back it counts as even
 * with the one that was last served (start-time fair queueing).
 */
export class TenantShares {
  readonly #clock: Pick<Clock, "now">;
  readonly #usages = new Map<string, Usage>();
  /** Use of the tenant that was last given something. */
  #served = 0;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** Tenants that are remembered. */
  get size(): number {
    return this.#usages.size;
  }

  /** It wants something after it wanted nothing. */
  arrived(tenant: string): void {
    const usage = this.#usageOf(tenant);
    if (usage.ranks === 0) this.#usages.set(tenant, { ...usage, used: Math.max(usage.used, this.#served) });
    if (this.#usages.size > MANY) this.#forget();
  }

  /** It holds so many ranks more, or less. */
  changed(tenant: string, ranks: number): void {
    const usage = this.#usageOf(tenant);
    if (ranks > 0) this.#served = Math.max(this.#served, usage.used);
    this.#usages.set(tenant, { ...usage, ranks: usage.ranks + ranks });
  }

  ranksOf(tenant: string): number {
    return this.#usages.get(tenant)?.ranks ?? 0;
  }

  /** What it has had, in ranks held for a minute; comparable between tenants that want something. */
  shareOf(tenant: string): number {
    const { used, ranks } = this.#usageOf(tenant);
    return used / AHEAD_MS + ranks;
  }

  #usageOf(tenant: string): Usage {
    const now = this.#clock.now();
    const { ranks, used, asOf } = this.#usages.get(tenant) ?? { ranks: 0, used: this.#served, asOf: now };
    return { ranks, used: used + ranks * Math.max(0, now - asOf), asOf: now };
  }

  /** Who holds nothing and is not ahead of others would be counted as even anyway. */
  #forget(): void {
    for (const [tenant, { ranks, used }] of this.#usages)
      if (ranks === 0 && used <= this.#served) this.#usages.delete(tenant);
  }
}
