export { Backlog } from "../backlog.js";
export { Capacities } from "../capacity.js";
export { type Job, type JobRequest, newJob } from "../job.js";
export { type JobWork, jobWork, totalWork } from "../job-work.js";
export { RegisterLease } from "../register-lease.js";
export { drainTarget, type ScaleTarget, scaleFigures } from "../scale-figures.js";
export { type LeasesUnderTest, leaderLeaseSuite, realTime } from "./leader-lease-suite.js";
