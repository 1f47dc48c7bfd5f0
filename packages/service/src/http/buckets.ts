// Where the histograms of both services are cut: jobs of minutes and steps of seconds, which the usual buckets of web
// servers (5 ms to 10 s) would put into the last one. Names say the unit. Changing one breaks comparisons over time.

/** From submission to the end: a tiny video on one GPU takes seconds, a long one on a full fleet hours. */
export const JOB_SECONDS = [5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200];

/** In the queue. */
export const WAIT_SECONDS = [0.1, 0.5, 1, 5, 15, 60, 180, 600, 1800, 3600];

/** One stage of a job: text is encoded in less than a second, denoising takes minutes. */
export const STAGE_SECONDS = [0.1, 0.5, 1, 2.5, 5, 15, 30, 60, 120, 300, 600, 1800, 3600];

/** One denoising step. */
export const STEP_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 1.5, 2.5, 5, 7.5, 10, 15, 20, 30];

/** What ranks of a group wait for each other in a step. */
export const EXCHANGE_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Until a failure is noticed: leases are seconds. */
export const DETECTION_SECONDS = [0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 30, 60];

/** Until a job that lost a worker gets on: choosing others, perhaps loading the model anew, and one step. */
export const RECOVERY_SECONDS = [0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800];

/** Until a state is on disk. */
export const WRITE_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** By which the event loop is late. */
export const LAG_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** 64 KiB to 1 GiB, by 4. */
export const TENSOR_BYTES = [1, 4, 16, 64, 256, 1024, 4096, 16_384].map((factor) => factor * 64 * 1024);

/** Of an actual figure to the one that was expected. */
export const ERROR_RATIO = [0.1, 0.25, 0.5, 0.67, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 4, 10];

/** Of the slowest rank to the median one: 1 where all are alike. */
export const STRAGGLER_RATIO = [1.02, 1.05, 1.1, 1.25, 1.5, 2, 3, 5, 10];
