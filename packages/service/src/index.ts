export {
  type ConfigOf,
  choiceSetting,
  describeSettings,
  integerSetting,
  readConfig,
  type Setting,
  type Settings,
  switchSetting,
  textSetting,
} from "./config.js";
export * as buckets from "./http/buckets.js";
export { createRegistry } from "./http/registry.js";
export { type HttpPage, type HttpServer, type HttpServerOptions, startHttpServer } from "./http/server.js";
export { createLogger, LOG_LEVELS, type LogLevel } from "./log/pino-logger.js";
export { type LoopLag, reportLoopLag, watchLoopLag } from "./loop-lag.js";
export {
  type ExitCode,
  type RunOptions,
  runService,
  type ServiceProcess,
  type Stoppable,
} from "./process.js";
export type { CallObserver } from "./rpc/call-observer.js";
export { callUnary, isServiceError, readStream } from "./rpc/calls.js";
export { connectionFault } from "./rpc/connection-fault.js";
export { type Credentials, openCredentials } from "./rpc/credentials.js";
export { bidi, type CallContext, clientStream, serverStream, unary } from "./rpc/handlers.js";
export { type RpcServer, type RpcServerOptions, type RpcService, startRpcServer } from "./rpc/server.js";
export { fromServiceError, toServiceError } from "./rpc/status.js";
export { type TlsFiles, tlsFilesOf, tlsProblems, tlsSettings } from "./tls-settings.js";
export { openTracing, type Tracing, type TracingDeps, tracingProblems, tracingSettings } from "./tracing.js";
