// What a simulation of the cluster runs of this service: the worker, without its wires and without ONNX Runtime.
export type {
  Artifact,
  Assignment,
  AssignmentId,
  Checkpoint,
  Command,
  CoordinatorLink,
  Report,
} from "../assignment.js";
export { dialLeader } from "../dial-leader.js";
export { type Dial, FleetClient, type FleetConnection } from "../fleet-client.js";
export type { VideoEncoder } from "../mp4/video-encoder.js";
export type { JoinedGroup } from "../run-assignment.js";
export type { VideoModel, VideoTask } from "../video-model.js";
export { Worker } from "../worker.js";
