import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Artifact as _cogfleet_v1_Artifact, Artifact__Output as _cogfleet_v1_Artifact__Output } from './cogfleet/v1/Artifact.js';
import type { CancelRequest as _cogfleet_v1_CancelRequest, CancelRequest__Output as _cogfleet_v1_CancelRequest__Output } from './cogfleet/v1/CancelRequest.js';
import type { DownloadChunk as _cogfleet_v1_DownloadChunk, DownloadChunk__Output as _cogfleet_v1_DownloadChunk__Output } from './cogfleet/v1/DownloadChunk.js';
import type { DownloadRequest as _cogfleet_v1_DownloadRequest, DownloadRequest__Output as _cogfleet_v1_DownloadRequest__Output } from './cogfleet/v1/DownloadRequest.js';
import type { Event as _cogfleet_v1_Event, Event__Output as _cogfleet_v1_Event__Output } from './cogfleet/v1/Event.js';
import type { GenerationClient as _cogfleet_v1_GenerationClient, GenerationDefinition as _cogfleet_v1_GenerationDefinition } from './cogfleet/v1/Generation.js';
import type { GetRequest as _cogfleet_v1_GetRequest, GetRequest__Output as _cogfleet_v1_GetRequest__Output } from './cogfleet/v1/GetRequest.js';
import type { Job as _cogfleet_v1_Job, Job__Output as _cogfleet_v1_Job__Output } from './cogfleet/v1/Job.js';
import type { JobError as _cogfleet_v1_JobError, JobError__Output as _cogfleet_v1_JobError__Output } from './cogfleet/v1/JobError.js';
import type { Limits as _cogfleet_v1_Limits, Limits__Output as _cogfleet_v1_Limits__Output } from './cogfleet/v1/Limits.js';
import type { ListModelsRequest as _cogfleet_v1_ListModelsRequest, ListModelsRequest__Output as _cogfleet_v1_ListModelsRequest__Output } from './cogfleet/v1/ListModelsRequest.js';
import type { ListModelsResponse as _cogfleet_v1_ListModelsResponse, ListModelsResponse__Output as _cogfleet_v1_ListModelsResponse__Output } from './cogfleet/v1/ListModelsResponse.js';
import type { ListRequest as _cogfleet_v1_ListRequest, ListRequest__Output as _cogfleet_v1_ListRequest__Output } from './cogfleet/v1/ListRequest.js';
import type { ListResponse as _cogfleet_v1_ListResponse, ListResponse__Output as _cogfleet_v1_ListResponse__Output } from './cogfleet/v1/ListResponse.js';
import type { ListWorkersRequest as _cogfleet_v1_ListWorkersRequest, ListWorkersRequest__Output as _cogfleet_v1_ListWorkersRequest__Output } from './cogfleet/v1/ListWorkersRequest.js';
import type { ListWorkersResponse as _cogfleet_v1_ListWorkersResponse, ListWorkersResponse__Output as _cogfleet_v1_ListWorkersResponse__Output } from './cogfleet/v1/ListWorkersResponse.js';
import type { Model as _cogfleet_v1_Model, Model__Output as _cogfleet_v1_Model__Output } from './cogfleet/v1/Model.js';
import type { Progress as _cogfleet_v1_Progress, Progress__Output as _cogfleet_v1_Progress__Output } from './cogfleet/v1/Progress.js';
import type { SubmitRequest as _cogfleet_v1_SubmitRequest, SubmitRequest__Output as _cogfleet_v1_SubmitRequest__Output } from './cogfleet/v1/SubmitRequest.js';
import type { WatchRequest as _cogfleet_v1_WatchRequest, WatchRequest__Output as _cogfleet_v1_WatchRequest__Output } from './cogfleet/v1/WatchRequest.js';
import type { Worker as _cogfleet_v1_Worker, Worker__Output as _cogfleet_v1_Worker__Output } from './cogfleet/v1/Worker.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  cogfleet: {
    v1: {
      Artifact: MessageTypeDefinition<_cogfleet_v1_Artifact, _cogfleet_v1_Artifact__Output>
      ArtifactKind: EnumTypeDefinition
      CancelRequest: MessageTypeDefinition<_cogfleet_v1_CancelRequest, _cogfleet_v1_CancelRequest__Output>
      DownloadChunk: MessageTypeDefinition<_cogfleet_v1_DownloadChunk, _cogfleet_v1_DownloadChunk__Output>
      DownloadRequest: MessageTypeDefinition<_cogfleet_v1_DownloadRequest, _cogfleet_v1_DownloadRequest__Output>
      Event: MessageTypeDefinition<_cogfleet_v1_Event, _cogfleet_v1_Event__Output>
      /**
       * Generates videos from prompts. Argument names and defaults follow diffusers' CogVideoXPipeline.
       */
      Generation: SubtypeConstructor<typeof grpc.Client, _cogfleet_v1_GenerationClient> & { service: _cogfleet_v1_GenerationDefinition }
      GetRequest: MessageTypeDefinition<_cogfleet_v1_GetRequest, _cogfleet_v1_GetRequest__Output>
      Job: MessageTypeDefinition<_cogfleet_v1_Job, _cogfleet_v1_Job__Output>
      JobError: MessageTypeDefinition<_cogfleet_v1_JobError, _cogfleet_v1_JobError__Output>
      JobState: EnumTypeDefinition
      Limits: MessageTypeDefinition<_cogfleet_v1_Limits, _cogfleet_v1_Limits__Output>
      ListModelsRequest: MessageTypeDefinition<_cogfleet_v1_ListModelsRequest, _cogfleet_v1_ListModelsRequest__Output>
      ListModelsResponse: MessageTypeDefinition<_cogfleet_v1_ListModelsResponse, _cogfleet_v1_ListModelsResponse__Output>
      ListRequest: MessageTypeDefinition<_cogfleet_v1_ListRequest, _cogfleet_v1_ListRequest__Output>
      ListResponse: MessageTypeDefinition<_cogfleet_v1_ListResponse, _cogfleet_v1_ListResponse__Output>
      ListWorkersRequest: MessageTypeDefinition<_cogfleet_v1_ListWorkersRequest, _cogfleet_v1_ListWorkersRequest__Output>
      ListWorkersResponse: MessageTypeDefinition<_cogfleet_v1_ListWorkersResponse, _cogfleet_v1_ListWorkersResponse__Output>
      Model: MessageTypeDefinition<_cogfleet_v1_Model, _cogfleet_v1_Model__Output>
      Progress: MessageTypeDefinition<_cogfleet_v1_Progress, _cogfleet_v1_Progress__Output>
      Stage: EnumTypeDefinition
      SubmitRequest: MessageTypeDefinition<_cogfleet_v1_SubmitRequest, _cogfleet_v1_SubmitRequest__Output>
      WatchRequest: MessageTypeDefinition<_cogfleet_v1_WatchRequest, _cogfleet_v1_WatchRequest__Output>
      Worker: MessageTypeDefinition<_cogfleet_v1_Worker, _cogfleet_v1_Worker__Output>
      WorkerState: EnumTypeDefinition
    }
  }
  google: {
    protobuf: {
      Timestamp: MessageTypeDefinition<_google_protobuf_Timestamp, _google_protobuf_Timestamp__Output>
    }
  }
}

