// Original file: proto/cogfleet/v1/exchange.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { Beat as _cogfleet_v1_Beat, Beat__Output as _cogfleet_v1_Beat__Output } from '../../cogfleet/v1/Beat.js';
import type { PullRequest as _cogfleet_v1_PullRequest, PullRequest__Output as _cogfleet_v1_PullRequest__Output } from '../../cogfleet/v1/PullRequest.js';
import type { TensorFrame as _cogfleet_v1_TensorFrame, TensorFrame__Output as _cogfleet_v1_TensorFrame__Output } from '../../cogfleet/v1/TensorFrame.js';
import type { WatchRankRequest as _cogfleet_v1_WatchRankRequest, WatchRankRequest__Output as _cogfleet_v1_WatchRankRequest__Output } from '../../cogfleet/v1/WatchRankRequest.js';

export interface ExchangeClient extends grpc.Client {
  /**
   * One tensor, in frames; waits until the rank offers it. ABORTED: the epoch is over. UNAVAILABLE: the rank has left or
   * its group has ended. INTERNAL: the two ranks disagree about the size.
   */
  Pull(argument: _cogfleet_v1_PullRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_TensorFrame__Output>;
  Pull(argument: _cogfleet_v1_PullRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_TensorFrame__Output>;
  /**
   * One tensor, in frames; waits until the rank offers it. ABORTED: the epoch is over. UNAVAILABLE: the rank has left or
   * its group has ended. INTERNAL: the two ranks disagree about the size.
   */
  pull(argument: _cogfleet_v1_PullRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_TensorFrame__Output>;
  pull(argument: _cogfleet_v1_PullRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_TensorFrame__Output>;
  
  /**
   * Signs of life of a rank, several a second, until it leaves its group or fails.
   */
  WatchRank(argument: _cogfleet_v1_WatchRankRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_Beat__Output>;
  WatchRank(argument: _cogfleet_v1_WatchRankRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_Beat__Output>;
  /**
   * Signs of life of a rank, several a second, until it leaves its group or fails.
   */
  watchRank(argument: _cogfleet_v1_WatchRankRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_Beat__Output>;
  watchRank(argument: _cogfleet_v1_WatchRankRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_Beat__Output>;
  
}

export interface ExchangeHandlers extends grpc.UntypedServiceImplementation {
  /**
   * One tensor, in frames; waits until the rank offers it. ABORTED: the epoch is over. UNAVAILABLE: the rank has left or
   * its group has ended. INTERNAL: the two ranks disagree about the size.
   */
  Pull: grpc.handleServerStreamingCall<_cogfleet_v1_PullRequest__Output, _cogfleet_v1_TensorFrame>;
  
  /**
   * Signs of life of a rank, several a second, until it leaves its group or fails.
   */
  WatchRank: grpc.handleServerStreamingCall<_cogfleet_v1_WatchRankRequest__Output, _cogfleet_v1_Beat>;
  
}

export interface ExchangeDefinition extends grpc.ServiceDefinition {
  Pull: MethodDefinition<_cogfleet_v1_PullRequest, _cogfleet_v1_TensorFrame, _cogfleet_v1_PullRequest__Output, _cogfleet_v1_TensorFrame__Output>
  WatchRank: MethodDefinition<_cogfleet_v1_WatchRankRequest, _cogfleet_v1_Beat, _cogfleet_v1_WatchRankRequest__Output, _cogfleet_v1_Beat__Output>
}
