// Original file: proto/cogfleet/v1/exchange.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { PullRequest as _cogfleet_v1_PullRequest, PullRequest__Output as _cogfleet_v1_PullRequest__Output } from '../../cogfleet/v1/PullRequest.js';
import type { TensorFrame as _cogfleet_v1_TensorFrame, TensorFrame__Output as _cogfleet_v1_TensorFrame__Output } from '../../cogfleet/v1/TensorFrame.js';

export interface ExchangeClient extends grpc.Client {
  /**
   * One tensor, in frames. ABORTED: the epoch is over. DEADLINE_EXCEEDED: the peer did not make it in time.
   */
  Pull(argument: _cogfleet_v1_PullRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_TensorFrame__Output>;
  Pull(argument: _cogfleet_v1_PullRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_TensorFrame__Output>;
  /**
   * One tensor, in frames. ABORTED: the epoch is over. DEADLINE_EXCEEDED: the peer did not make it in time.
   */
  pull(argument: _cogfleet_v1_PullRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_TensorFrame__Output>;
  pull(argument: _cogfleet_v1_PullRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_TensorFrame__Output>;
  
}

export interface ExchangeHandlers extends grpc.UntypedServiceImplementation {
  /**
   * One tensor, in frames. ABORTED: the epoch is over. DEADLINE_EXCEEDED: the peer did not make it in time.
   */
  Pull: grpc.handleServerStreamingCall<_cogfleet_v1_PullRequest__Output, _cogfleet_v1_TensorFrame>;
  
}

export interface ExchangeDefinition extends grpc.ServiceDefinition {
  Pull: MethodDefinition<_cogfleet_v1_PullRequest, _cogfleet_v1_TensorFrame, _cogfleet_v1_PullRequest__Output, _cogfleet_v1_TensorFrame__Output>
}
