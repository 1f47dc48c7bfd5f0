const TURNS = [
  "assigned",
  "stage started",
  "step done",
  "cancel asked",
  "queued",
  "completed",
  "failed",
  "cancelled",
] as const;

const WRITES = [
  "jobs.create",
  "jobs.delete",
  ...TURNS.map((turn) => `jobs.update ${turn}`),
  "models.put",
  "lease.write",
  "blobs.put checkpoint",
  "blobs.put artifact",
  "blobs.delete checkpoint",
  "blobs.delete artifact",
];

const SENDS = [
  "worker.putCheckpoint",
  "worker.putArtifact",
  ...["stage_started", "step_done", "done", "failed", "draining", "link_measured"].map(
    (report) => `worker.report ${report}`,
  ),
];

/** Every place at which a process may end: around each write of a coordinator, and around what a worker sends. */
export const CRASH_POINTS: readonly string[] = [
  ...[...WRITES, ...SENDS].flatMap((point) => [`${point} before`, `${point} after`]),
  "blobs.put checkpoint half",
  "blobs.put artifact half",
];
