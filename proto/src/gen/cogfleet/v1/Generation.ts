// Original file: proto/cogfleet/v1/generation.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CancelRequest as _cogfleet_v1_CancelRequest, CancelRequest__Output as _cogfleet_v1_CancelRequest__Output } from '../../cogfleet/v1/CancelRequest.js';
import type { DownloadChunk as _cogfleet_v1_DownloadChunk, DownloadChunk__Output as _cogfleet_v1_DownloadChunk__Output } from '../../cogfleet/v1/DownloadChunk.js';
import type { DownloadRequest as _cogfleet_v1_DownloadRequest, DownloadRequest__Output as _cogfleet_v1_DownloadRequest__Output } from '../../cogfleet/v1/DownloadRequest.js';
import type { DrainWorkerRequest as _cogfleet_v1_DrainWorkerRequest, DrainWorkerRequest__Output as _cogfleet_v1_DrainWorkerRequest__Output } from '../../cogfleet/v1/DrainWorkerRequest.js';
import type { Event as _cogfleet_v1_Event, Event__Output as _cogfleet_v1_Event__Output } from '../../cogfleet/v1/Event.js';
import type { GetRequest as _cogfleet_v1_GetRequest, GetRequest__Output as _cogfleet_v1_GetRequest__Output } from '../../cogfleet/v1/GetRequest.js';
import type { Job as _cogfleet_v1_Job, Job__Output as _cogfleet_v1_Job__Output } from '../../cogfleet/v1/Job.js';
import type { ListModelsRequest as _cogfleet_v1_ListModelsRequest, ListModelsRequest__Output as _cogfleet_v1_ListModelsRequest__Output } from '../../cogfleet/v1/ListModelsRequest.js';
import type { ListModelsResponse as _cogfleet_v1_ListModelsResponse, ListModelsResponse__Output as _cogfleet_v1_ListModelsResponse__Output } from '../../cogfleet/v1/ListModelsResponse.js';
import type { ListRequest as _cogfleet_v1_ListRequest, ListRequest__Output as _cogfleet_v1_ListRequest__Output } from '../../cogfleet/v1/ListRequest.js';
import type { ListResponse as _cogfleet_v1_ListResponse, ListResponse__Output as _cogfleet_v1_ListResponse__Output } from '../../cogfleet/v1/ListResponse.js';
import type { ListWorkersRequest as _cogfleet_v1_ListWorkersRequest, ListWorkersRequest__Output as _cogfleet_v1_ListWorkersRequest__Output } from '../../cogfleet/v1/ListWorkersRequest.js';
import type { ListWorkersResponse as _cogfleet_v1_ListWorkersResponse, ListWorkersResponse__Output as _cogfleet_v1_ListWorkersResponse__Output } from '../../cogfleet/v1/ListWorkersResponse.js';
import type { SubmitRequest as _cogfleet_v1_SubmitRequest, SubmitRequest__Output as _cogfleet_v1_SubmitRequest__Output } from '../../cogfleet/v1/SubmitRequest.js';
import type { WatchRequest as _cogfleet_v1_WatchRequest, WatchRequest__Output as _cogfleet_v1_WatchRequest__Output } from '../../cogfleet/v1/WatchRequest.js';
import type { Worker as _cogfleet_v1_Worker, Worker__Output as _cogfleet_v1_Worker__Output } from '../../cogfleet/v1/Worker.js';

/**
 * Generates videos from prompts. Argument names and defaults follow diffusers' CogVideoXPipeline.
 */
export interface GenerationClient extends grpc.Client {
  /**
   * Asks a job to stop. A queued job is cancelled at once, a running one within a step.
   * Cancelling a job that has ended changes nothing and returns it.
   */
  Cancel(argument: _cogfleet_v1_CancelRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  Cancel(argument: _cogfleet_v1_CancelRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  Cancel(argument: _cogfleet_v1_CancelRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  Cancel(argument: _cogfleet_v1_CancelRequest, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  /**
   * Asks a job to stop. A queued job is cancelled at once, a running one within a step.
   * Cancelling a job that has ended changes nothing and returns it.
   */
  cancel(argument: _cogfleet_v1_CancelRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  cancel(argument: _cogfleet_v1_CancelRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  cancel(argument: _cogfleet_v1_CancelRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  cancel(argument: _cogfleet_v1_CancelRequest, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  
  /**
   * The bytes of an artifact. FAILED_PRECONDITION: the job has not completed, or did not make that artifact.
   */
  Download(argument: _cogfleet_v1_DownloadRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_DownloadChunk__Output>;
  Download(argument: _cogfleet_v1_DownloadRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_DownloadChunk__Output>;
  /**
   * The bytes of an artifact. FAILED_PRECONDITION: the job has not completed, or did not make that artifact.
   */
  download(argument: _cogfleet_v1_DownloadRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_DownloadChunk__Output>;
  download(argument: _cogfleet_v1_DownloadRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_DownloadChunk__Output>;
  
  /**
   * Tells a worker to take nothing new, to hand back what it runs at its next step, which costs no step, and to leave.
   * Draining it again changes nothing. NOT_FOUND: no such worker is connected.
   */
  DrainWorker(argument: _cogfleet_v1_DrainWorkerRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_Worker__Output>): grpc.ClientUnaryCall;
  DrainWorker(argument: _cogfleet_v1_DrainWorkerRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_cogfleet_v1_Worker__Output>): grpc.ClientUnaryCall;
  DrainWorker(argument: _cogfleet_v1_DrainWorkerRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_Worker__Output>): grpc.ClientUnaryCall;
  DrainWorker(argument: _cogfleet_v1_DrainWorkerRequest, callback: grpc.requestCallback<_cogfleet_v1_Worker__Output>): grpc.ClientUnaryCall;
  /**
   * Tells a worker to take nothing new, to hand back what it runs at its next step, which costs no step, and to leave.
   * Draining it again changes nothing. NOT_FOUND: no such worker is connected.
   */
  drainWorker(argument: _cogfleet_v1_DrainWorkerRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_Worker__Output>): grpc.ClientUnaryCall;
  drainWorker(argument: _cogfleet_v1_DrainWorkerRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_cogfleet_v1_Worker__Output>): grpc.ClientUnaryCall;
  drainWorker(argument: _cogfleet_v1_DrainWorkerRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_Worker__Output>): grpc.ClientUnaryCall;
  drainWorker(argument: _cogfleet_v1_DrainWorkerRequest, callback: grpc.requestCallback<_cogfleet_v1_Worker__Output>): grpc.ClientUnaryCall;
  
  /**
   * The job as it stands. NOT_FOUND: no such job.
   */
  Get(argument: _cogfleet_v1_GetRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  Get(argument: _cogfleet_v1_GetRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  Get(argument: _cogfleet_v1_GetRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  Get(argument: _cogfleet_v1_GetRequest, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  /**
   * The job as it stands. NOT_FOUND: no such job.
   */
  get(argument: _cogfleet_v1_GetRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  get(argument: _cogfleet_v1_GetRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  get(argument: _cogfleet_v1_GetRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  get(argument: _cogfleet_v1_GetRequest, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  
  /**
   * Jobs, newest first, a page at a time.
   */
  List(argument: _cogfleet_v1_ListRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _cogfleet_v1_ListRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_cogfleet_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _cogfleet_v1_ListRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _cogfleet_v1_ListRequest, callback: grpc.requestCallback<_cogfleet_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Jobs, newest first, a page at a time.
   */
  list(argument: _cogfleet_v1_ListRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _cogfleet_v1_ListRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_cogfleet_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _cogfleet_v1_ListRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _cogfleet_v1_ListRequest, callback: grpc.requestCallback<_cogfleet_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * The models that workers have offered, with their limits.
   */
  ListModels(argument: _cogfleet_v1_ListModelsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_ListModelsResponse__Output>): grpc.ClientUnaryCall;
  ListModels(argument: _cogfleet_v1_ListModelsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_cogfleet_v1_ListModelsResponse__Output>): grpc.ClientUnaryCall;
  ListModels(argument: _cogfleet_v1_ListModelsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_ListModelsResponse__Output>): grpc.ClientUnaryCall;
  ListModels(argument: _cogfleet_v1_ListModelsRequest, callback: grpc.requestCallback<_cogfleet_v1_ListModelsResponse__Output>): grpc.ClientUnaryCall;
  /**
   * The models that workers have offered, with their limits.
   */
  listModels(argument: _cogfleet_v1_ListModelsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_ListModelsResponse__Output>): grpc.ClientUnaryCall;
  listModels(argument: _cogfleet_v1_ListModelsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_cogfleet_v1_ListModelsResponse__Output>): grpc.ClientUnaryCall;
  listModels(argument: _cogfleet_v1_ListModelsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_ListModelsResponse__Output>): grpc.ClientUnaryCall;
  listModels(argument: _cogfleet_v1_ListModelsRequest, callback: grpc.requestCallback<_cogfleet_v1_ListModelsResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * The workers that are connected now.
   */
  ListWorkers(argument: _cogfleet_v1_ListWorkersRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_ListWorkersResponse__Output>): grpc.ClientUnaryCall;
  ListWorkers(argument: _cogfleet_v1_ListWorkersRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_cogfleet_v1_ListWorkersResponse__Output>): grpc.ClientUnaryCall;
  ListWorkers(argument: _cogfleet_v1_ListWorkersRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_ListWorkersResponse__Output>): grpc.ClientUnaryCall;
  ListWorkers(argument: _cogfleet_v1_ListWorkersRequest, callback: grpc.requestCallback<_cogfleet_v1_ListWorkersResponse__Output>): grpc.ClientUnaryCall;
  /**
   * The workers that are connected now.
   */
  listWorkers(argument: _cogfleet_v1_ListWorkersRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_ListWorkersResponse__Output>): grpc.ClientUnaryCall;
  listWorkers(argument: _cogfleet_v1_ListWorkersRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_cogfleet_v1_ListWorkersResponse__Output>): grpc.ClientUnaryCall;
  listWorkers(argument: _cogfleet_v1_ListWorkersRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_ListWorkersResponse__Output>): grpc.ClientUnaryCall;
  listWorkers(argument: _cogfleet_v1_ListWorkersRequest, callback: grpc.requestCallback<_cogfleet_v1_ListWorkersResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Checks the request against the model and queues a job.
   * INVALID_ARGUMENT names field, value and rule; UNAVAILABLE: no worker has offered a model yet;
   * NOT_FOUND: no such model; ALREADY_EXISTS: the idempotency key was used with another body;
   * RESOURCE_EXHAUSTED names the limit that is reached.
   */
  Submit(argument: _cogfleet_v1_SubmitRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  Submit(argument: _cogfleet_v1_SubmitRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  Submit(argument: _cogfleet_v1_SubmitRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  Submit(argument: _cogfleet_v1_SubmitRequest, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  /**
   * Checks the request against the model and queues a job.
   * INVALID_ARGUMENT names field, value and rule; UNAVAILABLE: no worker has offered a model yet;
   * NOT_FOUND: no such model; ALREADY_EXISTS: the idempotency key was used with another body;
   * RESOURCE_EXHAUSTED names the limit that is reached.
   */
  submit(argument: _cogfleet_v1_SubmitRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  submit(argument: _cogfleet_v1_SubmitRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  submit(argument: _cogfleet_v1_SubmitRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  submit(argument: _cogfleet_v1_SubmitRequest, callback: grpc.requestCallback<_cogfleet_v1_Job__Output>): grpc.ClientUnaryCall;
  
  /**
   * Every event of a job after `after_sequence`, then new ones as they come; ends after the terminal event.
   */
  Watch(argument: _cogfleet_v1_WatchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_Event__Output>;
  Watch(argument: _cogfleet_v1_WatchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_Event__Output>;
  /**
   * Every event of a job after `after_sequence`, then new ones as they come; ends after the terminal event.
   */
  watch(argument: _cogfleet_v1_WatchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_Event__Output>;
  watch(argument: _cogfleet_v1_WatchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_cogfleet_v1_Event__Output>;
  
}

/**
 * Generates videos from prompts. Argument names and defaults follow diffusers' CogVideoXPipeline.
 */
export interface GenerationHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Asks a job to stop. A queued job is cancelled at once, a running one within a step.
   * Cancelling a job that has ended changes nothing and returns it.
   */
  Cancel: grpc.handleUnaryCall<_cogfleet_v1_CancelRequest__Output, _cogfleet_v1_Job>;
  
  /**
   * The bytes of an artifact. FAILED_PRECONDITION: the job has not completed, or did not make that artifact.
   */
  Download: grpc.handleServerStreamingCall<_cogfleet_v1_DownloadRequest__Output, _cogfleet_v1_DownloadChunk>;
  
  /**
   * Tells a worker to take nothing new, to hand back what it runs at its next step, which costs no step, and to leave.
   * Draining it again changes nothing. NOT_FOUND: no such worker is connected.
   */
  DrainWorker: grpc.handleUnaryCall<_cogfleet_v1_DrainWorkerRequest__Output, _cogfleet_v1_Worker>;
  
  /**
   * The job as it stands. NOT_FOUND: no such job.
   */
  Get: grpc.handleUnaryCall<_cogfleet_v1_GetRequest__Output, _cogfleet_v1_Job>;
  
  /**
   * Jobs, newest first, a page at a time.
   */
  List: grpc.handleUnaryCall<_cogfleet_v1_ListRequest__Output, _cogfleet_v1_ListResponse>;
  
  /**
   * The models that workers have offered, with their limits.
   */
  ListModels: grpc.handleUnaryCall<_cogfleet_v1_ListModelsRequest__Output, _cogfleet_v1_ListModelsResponse>;
  
  /**
   * The workers that are connected now.
   */
  ListWorkers: grpc.handleUnaryCall<_cogfleet_v1_ListWorkersRequest__Output, _cogfleet_v1_ListWorkersResponse>;
  
  /**
   * Checks the request against the model and queues a job.
   * INVALID_ARGUMENT names field, value and rule; UNAVAILABLE: no worker has offered a model yet;
   * NOT_FOUND: no such model; ALREADY_EXISTS: the idempotency key was used with another body;
   * RESOURCE_EXHAUSTED names the limit that is reached.
   */
  Submit: grpc.handleUnaryCall<_cogfleet_v1_SubmitRequest__Output, _cogfleet_v1_Job>;
  
  /**
   * Every event of a job after `after_sequence`, then new ones as they come; ends after the terminal event.
   */
  Watch: grpc.handleServerStreamingCall<_cogfleet_v1_WatchRequest__Output, _cogfleet_v1_Event>;
  
}

export interface GenerationDefinition extends grpc.ServiceDefinition {
  Cancel: MethodDefinition<_cogfleet_v1_CancelRequest, _cogfleet_v1_Job, _cogfleet_v1_CancelRequest__Output, _cogfleet_v1_Job__Output>
  Download: MethodDefinition<_cogfleet_v1_DownloadRequest, _cogfleet_v1_DownloadChunk, _cogfleet_v1_DownloadRequest__Output, _cogfleet_v1_DownloadChunk__Output>
  DrainWorker: MethodDefinition<_cogfleet_v1_DrainWorkerRequest, _cogfleet_v1_Worker, _cogfleet_v1_DrainWorkerRequest__Output, _cogfleet_v1_Worker__Output>
  Get: MethodDefinition<_cogfleet_v1_GetRequest, _cogfleet_v1_Job, _cogfleet_v1_GetRequest__Output, _cogfleet_v1_Job__Output>
  List: MethodDefinition<_cogfleet_v1_ListRequest, _cogfleet_v1_ListResponse, _cogfleet_v1_ListRequest__Output, _cogfleet_v1_ListResponse__Output>
  ListModels: MethodDefinition<_cogfleet_v1_ListModelsRequest, _cogfleet_v1_ListModelsResponse, _cogfleet_v1_ListModelsRequest__Output, _cogfleet_v1_ListModelsResponse__Output>
  ListWorkers: MethodDefinition<_cogfleet_v1_ListWorkersRequest, _cogfleet_v1_ListWorkersResponse, _cogfleet_v1_ListWorkersRequest__Output, _cogfleet_v1_ListWorkersResponse__Output>
  Submit: MethodDefinition<_cogfleet_v1_SubmitRequest, _cogfleet_v1_Job, _cogfleet_v1_SubmitRequest__Output, _cogfleet_v1_Job__Output>
  Watch: MethodDefinition<_cogfleet_v1_WatchRequest, _cogfleet_v1_Event, _cogfleet_v1_WatchRequest__Output, _cogfleet_v1_Event__Output>
}
