import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Artifact as _cogfleet_v1_Artifact, Artifact__Output as _cogfleet_v1_Artifact__Output } from './cogfleet/v1/Artifact.js';
import type { CancelRequest as _cogfleet_v1_CancelRequest, CancelRequest__Output as _cogfleet_v1_CancelRequest__Output } from './cogfleet/v1/CancelRequest.js';
import type { DownloadChunk as _cogfleet_v1_DownloadChunk, DownloadChunk__Output as _cogfleet_v1_DownloadChunk__Output } from './cogfleet/v1/DownloadChunk.js';
import type { DownloadRequest as _cogfleet_v1_DownloadRequest, DownloadRequest__Output as _cogfleet_v1_DownloadRequest__Output } from './cogfleet/v1/DownloadRequest.js';
import type { DrainWorkerRequest as _cogfleet_v1_DrainWorkerRequest, DrainWorkerRequest__Output as _cogfleet_v1_DrainWorkerRequest__Output } from './cogfleet/v1/DrainWorkerRequest.js';
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
import type { Plan as _cogfleet_v1_Plan, Plan__Output as _cogfleet_v1_Plan__Output } from './cogfleet/v1/Plan.js';
import type { Progress as _cogfleet_v1_Progress, Progress__Output as _cogfleet_v1_Progress__Output } from './cogfleet/v1/Progress.js';
import type { RankPart as _cogfleet_v1_RankPart, RankPart__Output as _cogfleet_v1_RankPart__Output } from './cogfleet/v1/RankPart.js';
import type { Share as _cogfleet_v1_Share, Share__Output as _cogfleet_v1_Share__Output } from './cogfleet/v1/Share.js';
import type { SubmitRequest as _cogfleet_v1_SubmitRequest, SubmitRequest__Output as _cogfleet_v1_SubmitRequest__Output } from './cogfleet/v1/SubmitRequest.js';
import type { TileList as _cogfleet_v1_TileList, TileList__Output as _cogfleet_v1_TileList__Output } from './cogfleet/v1/TileList.js';
import type { VaePlan as _cogfleet_v1_VaePlan, VaePlan__Output as _cogfleet_v1_VaePlan__Output } from './cogfleet/v1/VaePlan.js';
import type { VaeSerial as _cogfleet_v1_VaeSerial, VaeSerial__Output as _cogfleet_v1_VaeSerial__Output } from './cogfleet/v1/VaeSerial.js';
import type { VaeTemporal as _cogfleet_v1_VaeTemporal, VaeTemporal__Output as _cogfleet_v1_VaeTemporal__Output } from './cogfleet/v1/VaeTemporal.js';
import type { VaeTiles as _cogfleet_v1_VaeTiles, VaeTiles__Output as _cogfleet_v1_VaeTiles__Output } from './cogfleet/v1/VaeTiles.js';
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
      DrainWorkerRequest: MessageTypeDefinition<_cogfleet_v1_DrainWorkerRequest, _cogfleet_v1_DrainWorkerRequest__Output>
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
      Plan: MessageTypeDefinition<_cogfleet_v1_Plan, _cogfleet_v1_Plan__Output>
      Progress: MessageTypeDefinition<_cogfleet_v1_Progress, _cogfleet_v1_Progress__Output>
      RankPart: MessageTypeDefinition<_cogfleet_v1_RankPart, _cogfleet_v1_RankPart__Output>
      Share: MessageTypeDefinition<_cogfleet_v1_Share, _cogfleet_v1_Share__Output>
      Stage: EnumTypeDefinition
      SubmitRequest: MessageTypeDefinition<_cogfleet_v1_SubmitRequest, _cogfleet_v1_SubmitRequest__Output>
      TileList: MessageTypeDefinition<_cogfleet_v1_TileList, _cogfleet_v1_TileList__Output>
      VaePlan: MessageTypeDefinition<_cogfleet_v1_VaePlan, _cogfleet_v1_VaePlan__Output>
      VaeSerial: MessageTypeDefinition<_cogfleet_v1_VaeSerial, _cogfleet_v1_VaeSerial__Output>
      VaeTemporal: MessageTypeDefinition<_cogfleet_v1_VaeTemporal, _cogfleet_v1_VaeTemporal__Output>
      VaeTiles: MessageTypeDefinition<_cogfleet_v1_VaeTiles, _cogfleet_v1_VaeTiles__Output>
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

