// Original file: proto/cogfleet/v1/fleet.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ArtifactChunk as _cogfleet_v1_ArtifactChunk, ArtifactChunk__Output as _cogfleet_v1_ArtifactChunk__Output } from '../../cogfleet/v1/ArtifactChunk.js';
import type { CoordinatorMessage as _cogfleet_v1_CoordinatorMessage, CoordinatorMessage__Output as _cogfleet_v1_CoordinatorMessage__Output } from '../../cogfleet/v1/CoordinatorMessage.js';
import type { PutArtifactResponse as _cogfleet_v1_PutArtifactResponse, PutArtifactResponse__Output as _cogfleet_v1_PutArtifactResponse__Output } from '../../cogfleet/v1/PutArtifactResponse.js';
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
  
}

export interface FleetHandlers extends grpc.UntypedServiceImplementation {
  /**
   * The worker's one long stream: hello, heartbeats and reports up; assignments, cancel and drain down.
   * FAILED_PRECONDITION: the protocol versions differ.
   */
  Connect: grpc.handleBidiStreamingCall<_cogfleet_v1_WorkerMessage__Output, _cogfleet_v1_CoordinatorMessage>;
  
  /**
   * Stores one artifact of an assignment, header first. ABORTED: the epoch is over. DATA_LOSS: the sha256 differs.
   */
  PutArtifact: grpc.handleClientStreamingCall<_cogfleet_v1_ArtifactChunk__Output, _cogfleet_v1_PutArtifactResponse>;
  
}

export interface FleetDefinition extends grpc.ServiceDefinition {
  Connect: MethodDefinition<_cogfleet_v1_WorkerMessage, _cogfleet_v1_CoordinatorMessage, _cogfleet_v1_WorkerMessage__Output, _cogfleet_v1_CoordinatorMessage__Output>
  PutArtifact: MethodDefinition<_cogfleet_v1_ArtifactChunk, _cogfleet_v1_PutArtifactResponse, _cogfleet_v1_ArtifactChunk__Output, _cogfleet_v1_PutArtifactResponse__Output>
}
