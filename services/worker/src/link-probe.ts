import { type Clock, ClusterError, type Logger, linkSignals } from "@cogfleet/core";
import { measureLink } from "@cogfleet/parallel";
import type { CoordinatorLink, MeasureLink } from "./assignment.js";
import type { JoinedGroup } from "./run-assignment.js";

export interface LinkProbeDeps {
  /** Joins the group of the two workers that measure. */
  join(place: { readonly jobId: string; readonly epoch: number } & MeasureLink): JoinedGroup;
  readonly link: Pick<CoordinatorLink, "report">;
  readonly clock: Clock;
  readonly log: Logger;
}

// At 100 Mb/s the measurement takes 8 s; over a slower link nothing is shared anyway.
const LONGEST_MS = 30_000;

/** Measures the way between this worker and another one, and reports it. Never rejects: no report, no measurement. */
export async function probeLink(deps: LinkProbeDeps, probe: MeasureLink, signal: AbortSignal): Promise<void> {
  const { clock, link, log } = deps;
  const { probeId, rank, peers } = probe;
  const peerId = peers[1 - rank]?.id ?? "";
  const tooLong = new AbortController();
  const linked = linkSignals(signal, tooLong.signal);
  clock.sleep(LONGEST_MS, linked.signal).then(
    () => tooLong.abort(new ClusterError("deadline_exceeded", `it took more than ${LONGEST_MS} ms`)),
    () => {}, // it is over
  );
  let group: JoinedGroup | undefined;
  try {
    group = deps.join({ jobId: `link-${probeId}`, epoch: 1, ...probe });
    const measured = await measureLink(group, () => clock.now(), linked.signal);
    await group.close();
    link.report({ kind: "link_measured", probeId, peerId, ...measured });
  } catch (reason) {
    const error = ClusterError.from(reason);
    await group?.close(error);
    log.info({ peerId, reason: error.message }, "link not measured");
  } finally {
    tooLong.abort();
    linked.unlink();
  }
}
