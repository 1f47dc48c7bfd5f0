export { type CaseResult, type Check, type Summary, summarize } from "./case-result.js";
export { HALF_PRECISION_REL_L2 } from "./precision.js";
export { type VerifyOptions, verify } from "./verify.js";
