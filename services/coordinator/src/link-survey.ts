import type { Clock, Logger, Random } from "@cogfleet/core";
import type { Link } from "@cogfleet/parallel";
import type { LinkTable } from "./links.js";
import type { Connection, WorkerRegistry } from "./workers.js";

export interface LinkSurveyDeps {
  readonly links: LinkTable;
  readonly workers: Pick<WorkerRegistry, "idle" | "all">;
  readonly clock: Clock;
  readonly random: Pick<Random, "id">;
  readonly log: Logger;
}

const LOOK_MS = 2_000; // one pair at a time: a fleet that comes up together must not measure its own measuring

/** Has idle workers measure the ways between their hosts, one pair after the other, until the signal aborts. */
export async function surveyLinks(
  { links, workers, clock, random }: Omit<LinkSurveyDeps, "log">,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(LOOK_MS, signal).catch(() => {});
    if (signal.aborted) return;
    const probe = links.next(workers.idle(), random.id(), clock.now());
    if (probe === undefined) continue;
    const peers = probe.members.map(({ worker: { id, exchangeAddress } }) => ({ id, exchangeAddress }));
    for (const [rank, { link }] of probe.members.entries())
      link.send({ kind: "measure_link", probeId: probe.id, rank, peers });
  }
}

/** A worker has measured the way from a peer to it. One that is gone by now is passed over. */
export function linkMeasured(
  { links, workers, clock, log }: Omit<LinkSurveyDeps, "random">,
  connection: Connection,
  { peerId, bytesPerSecond, latencySeconds }: Link & { readonly peerId: string },
): void {
  const link = { bytesPerSecond, latencySeconds };
  const peer = workers.all().find(({ worker }) => worker.id === peerId);
  if (peer === undefined) return;
  const [from, to] = [peer.worker.hostname, connection.worker.hostname];
  links.record(from, to, link, clock.now());
  log.info({ fromHost: from, toHost: to, ...link }, "link measured");
}
