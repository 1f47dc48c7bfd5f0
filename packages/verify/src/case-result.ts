// What `verify` says about a case. The names are those of `cogfleet verify --json`: an interface.

/** One comparison with what diffusers computed. */
export interface Check {
  readonly name: string;
  /** |actual - expected| / |expected|, both as L2 norms. NaN when one of them is not finite or the shapes differ. */
  readonly rel_l2: number;
  /** The largest absolute difference, likewise. */
  readonly max_abs: number;
  /** What the difference may be. Where a check has a rule of its own beside it (one unit in the last place), 0. */
  readonly atol: number;
  /** What `rel_l2` may be, where that decides: in 16 bits. */
  readonly rel_l2_allowed?: number;
  readonly ok: boolean;
  /** What else is wrong: shapes that differ, values that are not finite. */
  readonly problem?: string;
}

export type CaseResult = {
  /** The case's folder relative to the folder that was verified, with forward slashes. */
  readonly case: string;
  readonly checks: readonly Check[];
} & (
  | { readonly status: "passed" }
  /** `error` says what went wrong in one sentence. */
  | { readonly status: "failed"; readonly error: string }
  /** `reason` says what it is that is not implemented. */
  | { readonly status: "unsupported"; readonly reason: string }
);

export interface Summary {
  readonly summary: true;
  readonly cases: number;
  readonly passed: number;
  readonly failed: number;
  readonly unsupported: number;
}

/** Counts results. */
export function summarize(results: readonly CaseResult[]): Summary {
  const count = (status: CaseResult["status"]): number =>
    results.filter((result) => result.status === status).length;
  return {
    summary: true,
    cases: results.length,
    passed: count("passed"),
    failed: count("failed"),
    unsupported: count("unsupported"),
  };
}
