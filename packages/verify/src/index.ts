export { type CaseResult, type Check, type Summary, summarize } from "./case-result.js";
export { type VerifyOptions, verify } from "./verify.js";
