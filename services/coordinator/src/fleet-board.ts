/** A worker as everybody may see it. */
export interface WorkerView {
  readonly id: string;
  readonly device: string;
  readonly precision: string;
  readonly threads: number;
  /** By name. */
  readonly models: readonly string[];
  readonly hostname: string;
  readonly pid: number;
  readonly version: string;
  /** That it holds; "": none. */
  readonly jobId: string;
  /** Whose job that is; "": nobody's. */
  readonly tenant: string;
  readonly isDraining: boolean;
  /** Two workers compute a job together when they have the same; undefined: only alone. */
  readonly kin: string | undefined;
  /** Wall time, milliseconds. */
  readonly connectedAt: number;
}

/** Where the leader shows its workers to the other coordinators. */
export interface FleetBoard {
  /** In place of what it showed before. Throws `unavailable` when the store cannot be reached. */
  show(workers: readonly WorkerView[], signal: AbortSignal): Promise<void>;
  /** As the leader showed them last. */
  workers(): readonly WorkerView[];
}
