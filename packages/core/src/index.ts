export { linkSignals, neverAborts, orAbort } from "./abort.js";
export { type Clock, systemClock } from "./clock.js";
export { ClusterError, ERROR_CODES, type ErrorCode, type ErrorDetails, isErrorCode } from "./errors.js";
export { freeMemory } from "./free-memory.js";
export { expectLargeBuffers } from "./heap.js";
export { type Logger, silentLogger } from "./log.js";
export { type Random, systemRandom } from "./random.js";
export { RecurringFailure } from "./recurring-failure.js";
export { statusText } from "./status-text.js";
export {
  formatTraceparent,
  parseTraceparent,
  type Span,
  spanIdOf,
  type TraceContext,
  type Tracer,
  traceIdOf,
} from "./tracing.js";
