/** Whether this process leads, and in which term. */
export class Leadership {
  #term: number | undefined;

  /** Undefined: another one leads, or nobody. */
  get term(): number | undefined {
    return this.#term;
  }

  begin(term: number): void {
    this.#term = term;
  }

  end(): void {
    this.#term = undefined;
  }
}
