// Original file: proto/cogfleet/v1/fleet.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ArtifactChunk as _cogfleet_v1_ArtifactChunk, ArtifactChunk__Output as _cogfleet_v1_ArtifactChunk__Output } from '../../cogfleet/v1/ArtifactChunk.js';
import type { CheckpointChunk as _cogfleet_v1_CheckpointChunk, CheckpointChunk__Output as _cogfleet_v1_CheckpointChunk__Output } from '../../cogfleet/v1/CheckpointChunk.js';
import type { CoordinatorMessage as _cogfleet_v1_CoordinatorMessage, CoordinatorMessage__Output as _cogfleet_v1_CoordinatorMessage__Output } from '../../cogfleet/v1/CoordinatorMessage.js';
import type { GetCheckpointRequest as _cogfleet_v1_GetCheckpointRequest, GetCheckpointRequest__Output as _cogfleet_v1_GetCheckpointRequest__Output } from '../../cogfleet/v1/GetCheckpointRequest.js';
import type { PutArtifactResponse as _cogfleet_v1_PutArtifactResponse, PutArtifactResponse__Output as _cogfleet_v1_PutArtifactResponse__Output } from '../../cogfleet/v1/PutArtifactResponse.js';
import type { PutCheckpointResponse as _cogfleet_v1_PutCheckpointResponse, PutCheckpointResponse__Output as _cogfleet_v1_PutCheckpointResponse__Output } from '../../cogfleet/v1/PutCheckpointResponse.js';
import type { WorkerMessage as _cogfleet_v1_WorkerMessage, WorkerMessage__Output as _cogfleet_v1_WorkerMessage__Output } from '../../cogfleet/v1/WorkerMessage.js';

export interface FleetClient extends grpc.Client {
  /**
   * The worker's one long stream: hello, heartbeats and reports up; assignments, cancel and drain down.
   * FAILED_PRECONDITION: the protocol versions differ.
   */
  Connect(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_cogfleet_v1_WorkerMessage, _cogfleet_v1_CoordinatorMessage__Output>;
  Connect(options?: grpc.CallOptions): grpc.ClientDuplexStream<_cogfleet_v1_WorkerMessage, _cogfleet_v1_CoordinatorMessage__Output>;
  /**
   * The worker's one long stream: hello, heartbeats and reports up; assignments, cancel and drain down.
   * FAILED_PRECONDITION: the protocol versions differ.
   */
  connect(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_cogfleet_v1_WorkerMessage, _cogfleet_v1_CoordinatorMessage__Output>;
  connect(options?: grpc.CallOptions): grpc.ClientDuplexStream<_cogfleet_v1_WorkerMessage, _cogfleet_v1_CoordinatorMessage__Output>;
  
  /**
   * The state that an assignment starts from, header first. ABORTED: the epoch is over. FAILED_PRECONDITION: it starts
   * from the noise.
   */
  GetCheckpoint(argument: _cogfleet_v1_GetCheckpointRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_CheckpointChunk__Output>;
  GetCheckpoint(argument: _cogfleet_v1_GetCheckpointRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_CheckpointChunk__Output>;
  /**
   * The state that an assignment starts from, header first. ABORTED: the epoch is over. FAILED_PRECONDITION: it starts
   * from the noise.
   */
  getCheckpoint(argument: _cogfleet_v1_GetCheckpointRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_CheckpointChunk__Output>;
  getCheckpoint(argument: _cogfleet_v1_GetCheckpointRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_CheckpointChunk__Output>;
  
  /**
   * Stores one artifact of an assignment, header first. ABORTED: the epoch is over. DATA_LOSS: the sha256 differs.
   */
  PutArtifact(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_PutArtifactResponse__Output>): grpc.ClientWritableStream<_cogfleet_v1_ArtifactChunk>;
  PutArtifact(metadata: grpc.Metadata, callback: grpc.requestCallback<_cogfleet_v1_PutArtifactResponse__Output>): grpc.ClientWritableStream<_cogfleet_v1_ArtifactChunk>;
  PutArtifact(options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_PutArtifactResponse__Output>): grpc.ClientWritableStream<_cogfleet_v1_ArtifactChunk>;
  PutArtifact(callback: grpc.requestCallback<_cogfleet_v1_PutArtifactResponse__Output>): grpc.ClientWritableStream<_cogfleet_v1_ArtifactChunk>;
  /**
   * Stores one artifact of an assignment, header first. ABORTED: the epoch is over. DATA_LOSS: the sha256 differs.
   */
  putArtifact(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_PutArtifactResponse__Output>): grpc.ClientWritableStream<_cogfleet_v1_ArtifactChunk>;
  putArtifact(metadata: grpc.Metadata, callback: grpc.requestCallback<_cogfleet_v1_PutArtifactResponse__Output>): grpc.ClientWritableStream<_cogfleet_v1_ArtifactChunk>;
  putArtifact(options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_PutArtifactResponse__Output>): grpc.ClientWritableStream<_cogfleet_v1_ArtifactChunk>;
  putArtifact(callback: grpc.requestCallback<_cogfleet_v1_PutArtifactResponse__Output>): grpc.ClientWritableStream<_cogfleet_v1_ArtifactChunk>;
  
  /**
   * Stores the state of an assignment after a step, header first, from rank 0. It counts once a StepDone names it.
   * ABORTED: the epoch is over. DATA_LOSS: the sha256 differs.
   */
  PutCheckpoint(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_PutCheckpointResponse__Output>): grpc.ClientWritableStream<_cogfleet_v1_CheckpointChunk>;
  PutCheckpoint(metadata: grpc.Metadata, callback: grpc.requestCallback<_cogfleet_v1_PutCheckpointResponse__Output>): grpc.ClientWritableStream<_cogfleet_v1_CheckpointChunk>;
  PutCheckpoint(options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_PutCheckpointResponse__Output>): grpc.ClientWritableStream<_cogfleet_v1_CheckpointChunk>;
  PutCheckpoint(callback: grpc.requestCallback<_cogfleet_v1_PutCheckpointResponse__Output>): grpc.ClientWritableStream<_cogfleet_v1_CheckpointChunk>;
  /**
   * Stores the state of an assignment after a step, header first, from rank 0. It counts once a StepDone names it.
   * ABORTED: the epoch is over. DATA_LOSS: the sha256 differs.
   */
  putCheckpoint(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_PutCheckpointResponse__Output>): grpc.ClientWritableStream<_cogfleet_v1_CheckpointChunk>;
  putCheckpoint(metadata: grpc.Metadata, callback: grpc.requestCallback<_cogfleet_v1_PutCheckpointResponse__Output>): grpc.ClientWritableStream<_cogfleet_v1_CheckpointChunk>;
  putCheckpoint(options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_PutCheckpointResponse__Output>): grpc.ClientWritableStream<_cogfleet_v1_CheckpointChunk>;
  putCheckpoint(callback: grpc.requestCallback<_cogfleet_v1_PutCheckpointResponse__Output>): grpc.ClientWritableStream<_cogfleet_v1_CheckpointChunk>;
  
}

export interface FleetHandlers extends grpc.UntypedServiceImplementation {
  /**
   * The worker's one long stream: hello, heartbeats and reports up; assignments, cancel and drain down.
   * FAILED_PRECONDITION: the protocol versions differ.
   */
  Connect: grpc.handleBidiStreamingCall<_cogfleet_v1_WorkerMessage__Output, _cogfleet_v1_CoordinatorMessage>;
  
  /**
   * The state that an assignment starts from, header first. ABORTED: the epoch is over. FAILED_PRECONDITION: it starts
   * from the noise.
   */
  GetCheckpoint: grpc.handleServerStreamingCall<_cogfleet_v1_GetCheckpointRequest__Output, _cogfleet_v1_CheckpointChunk>;
  
  /**
   * Stores one artifact of an assignment, header first. ABORTED: the epoch is over. DATA_LOSS: the sha256 differs.
   */
  PutArtifact: grpc.handleClientStreamingCall<_cogfleet_v1_ArtifactChunk__Output, _cogfleet_v1_PutArtifactResponse>;
  
  /**
   * Stores the state of an assignment after a step, header first, from rank 0. It counts once a StepDone names it.
   * ABORTED: the epoch is over. DATA_LOSS: the sha256 differs.
   */
  PutCheckpoint: grpc.handleClientStreamingCall<_cogfleet_v1_CheckpointChunk__Output, _cogfleet_v1_PutCheckpointResponse>;
  
}

export interface FleetDefinition extends grpc.ServiceDefinition {
  Connect: MethodDefinition<_cogfleet_v1_WorkerMessage, _cogfleet_v1_CoordinatorMessage, _cogfleet_v1_WorkerMessage__Output, _cogfleet_v1_CoordinatorMessage__Output>
  GetCheckpoint: MethodDefinition<_cogfleet_v1_GetCheckpointRequest, _cogfleet_v1_CheckpointChunk, _cogfleet_v1_GetCheckpointRequest__Output, _cogfleet_v1_CheckpointChunk__Output>
  PutArtifact: MethodDefinition<_cogfleet_v1_ArtifactChunk, _cogfleet_v1_PutArtifactResponse, _cogfleet_v1_ArtifactChunk__Output, _cogfleet_v1_PutArtifactResponse__Output>
  PutCheckpoint: MethodDefinition<_cogfleet_v1_CheckpointChunk, _cogfleet_v1_PutCheckpointResponse, _cogfleet_v1_CheckpointChunk__Output, _cogfleet_v1_PutCheckpointResponse__Output>
}
