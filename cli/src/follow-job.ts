import { type Clock, ClusterError } from "@cogfleet/core";
import type { GenerationClient, Job } from "./client/generation.js";
import { Patience } from "./client/patience.js";
import { watchJob } from "./client/watch-job.js";
import type { JobReporter } from "./view/job-reporter.js";

/**
 * Reports a job's events after `afterSequence` until it ends; returns the job as it ended. A coordinator that comes back
 * without the job, because its jobs were in memory, is `unavailable`.
 */
export async function followJob(
  deps: { readonly client: GenerationClient; readonly clock: Clock; readonly reporter: JobReporter },
  jobId: string,
  afterSequence: number,
  signal: AbortSignal,
): Promise<Job> {
  const { client, clock, reporter } = deps;
  let wasSeen = false;
  try {
    const onNotice = (text: string): void => reporter.notice(text);
    const patience = new Patience({ clock, onNotice }, `cogfleet jobs watch ${jobId}`);
    for await (const event of watchJob({ client, clock, patience }, jobId, afterSequence, signal)) {
      wasSeen = true;
      reporter.event(event);
    }
    for (;;) {
      try {
        return await client.get(jobId, signal);
      } catch (reason) {
        await patience.pause(reason, signal);
      }
    }
  } catch (reason) {
    signal.throwIfAborted();
    if (wasSeen && reason instanceof ClusterError && reason.code === "job_not_found")
      throw new ClusterError("unavailable", `the coordinator was started anew and has lost job ${jobId}`, {
        cause: reason,
      });
    throw reason;
  } finally {
    reporter.close();
  }
}
