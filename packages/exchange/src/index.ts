export { type Exchange, type ExchangeDeps, openExchange } from "./exchange.js";
export { GrpcGroup, type Membership } from "./grpc-group.js";
export { DEFAULT_LIMITS, type ExchangeLimits } from "./limits.js";
export type { ExchangeService } from "./service.js";
