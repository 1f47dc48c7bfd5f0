// What a simulation of the cluster runs and reads of this service: the domain, without its wires.
export type { BlobInfo, BlobStore } from "../blob-store.js";
export { checkedBytes } from "../checked-bytes.js";
export { type Coordinator, type DomainConfig, openCoordinator } from "../coordinator.js";
export type { WorkerReport } from "../fleet.js";
export type { WorkerView } from "../fleet-board.js";
export { type Artifact, type ArtifactKind, isTerminal, type Job, type JobEvent } from "../job.js";
export type { JobListener } from "../job-listeners.js";
export type { JobQuery, JobStore, StoredJob } from "../job-store.js";
export { Leadership } from "../leadership.js";
export { leadInTurn } from "../leading.js";
export { surveyLinks } from "../link-survey.js";
export { MemoryJobStore } from "../memory-job-store.js";
export type { KnownModel, ModelStore } from "../model-store.js";
export type { Observer } from "../observer.js";
export { type LeaseRegister, RegisterLease } from "../register-lease.js";
export type { SharedStores, Stores } from "../stores.js";
export type { SubmitBody } from "../submission.js";
export type { WorkerCommand, WorkerFacts } from "../workers.js";
