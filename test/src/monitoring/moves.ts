import type { MetricFamily } from "@cogfleet/service/testing";

/** What several scrapes showed: which metrics had a value other than 0 in some series, and all the labels seen. */
export class Moves {
  readonly #moved = new Set<string>();
  readonly #labels = new Map<string, Map<string, Readonly<Record<string, string>>>>();

  see(page: ReadonlyMap<string, MetricFamily>): void {
    for (const { name: family, samples } of page.values())
      for (const { name, labels, value } of samples) {
        if (value !== 0) this.#moved.add(family);
        const known = this.#labels.get(name) ?? new Map();
        this.#labels.set(name, known.set(JSON.stringify(labels), labels));
      }
  }

  has(name: string): boolean {
    return this.#moved.has(name);
  }

  /** Of every series of this name: of a histogram, with _bucket, _sum or _count. */
  labelsOf(name: string): readonly Readonly<Record<string, string>>[] {
    return [...(this.#labels.get(name)?.values() ?? [])];
  }
}
