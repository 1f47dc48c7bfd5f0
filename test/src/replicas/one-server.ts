import { after, afterEach, before } from "node:test";
import { NatsServer, natsFolder, natsProgram } from "@cogfleet/coordinator/testing/nats-servers.js";
import { type Replica, replica, type Service, startService } from "./service.js";

/** For the tests of a suite: a NATS server that syncs, and for each test a service of its own on it. */
export function oneServer(): {
  /** For files; it goes with the suite. */
  readonly folder: string;
  nats(): NatsServer;
  start(coordinators: number, workers: number): Promise<Service>;
  /** Another coordinator of the service that was started last. */
  startAgain(): Promise<Replica>;
} {
  const { folder, remove } = natsFolder();
  let nats: NatsServer;
  let services = 0;
  let service: Service | undefined;
  before(async () => {
    nats = await NatsServer.start({ program: natsProgram(), folder, sync: true });
  });
  afterEach(async () => {
    await service?.end();
    service = undefined;
  });
  after(async () => {
    await nats.kill();
    remove();
  });
  return {
    folder,
    nats: () => nats,
    async start(coordinators, workers) {
      services += 1;
      service = await startService(nats.url, `s${services}`, { coordinators, workers });
      return service;
    },
    startAgain: () => replica(nats.url, `s${services}`),
  };
}
