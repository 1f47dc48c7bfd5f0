export { RegisterLease } from "../register-lease.js";
export { type LeasesUnderTest, leaderLeaseSuite } from "./leader-lease-suite.js";
