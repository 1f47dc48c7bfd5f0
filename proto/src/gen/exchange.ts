import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { Beat as _cogfleet_v1_Beat, Beat__Output as _cogfleet_v1_Beat__Output } from './cogfleet/v1/Beat.js';
import type { ExchangeClient as _cogfleet_v1_ExchangeClient, ExchangeDefinition as _cogfleet_v1_ExchangeDefinition } from './cogfleet/v1/Exchange.js';
import type { PullRequest as _cogfleet_v1_PullRequest, PullRequest__Output as _cogfleet_v1_PullRequest__Output } from './cogfleet/v1/PullRequest.js';
import type { TensorFrame as _cogfleet_v1_TensorFrame, TensorFrame__Output as _cogfleet_v1_TensorFrame__Output } from './cogfleet/v1/TensorFrame.js';
import type { WatchRankRequest as _cogfleet_v1_WatchRankRequest, WatchRankRequest__Output as _cogfleet_v1_WatchRankRequest__Output } from './cogfleet/v1/WatchRankRequest.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  cogfleet: {
    v1: {
      Beat: MessageTypeDefinition<_cogfleet_v1_Beat, _cogfleet_v1_Beat__Output>
      Exchange: SubtypeConstructor<typeof grpc.Client, _cogfleet_v1_ExchangeClient> & { service: _cogfleet_v1_ExchangeDefinition }
      PullRequest: MessageTypeDefinition<_cogfleet_v1_PullRequest, _cogfleet_v1_PullRequest__Output>
      TensorFrame: MessageTypeDefinition<_cogfleet_v1_TensorFrame, _cogfleet_v1_TensorFrame__Output>
      WatchRankRequest: MessageTypeDefinition<_cogfleet_v1_WatchRankRequest, _cogfleet_v1_WatchRankRequest__Output>
    }
  }
}

