// The other process of the exchange benchmark: rank 1, which sends. It ends when its parent goes.
import process from "node:process";
import { expectLargeBuffers } from "@cogfleet/core";
import { type Addresses, openEnd, type Way } from "./exchange-end.js";
import { sendAll, serveRaw, TRAFFIC } from "./exchange-traffic.js";

/** What the parent says: first where it listens, then which way to send a round. */
export type ParentMessage =
  | { readonly kind: "join"; readonly addresses: Addresses }
  | { readonly kind: "send"; readonly way: Way };

export interface PeerHello {
  readonly addresses: Addresses;
  readonly rawPort: number;
}

expectLargeBuffers(); // as a worker does
const source = Uint8Array.from({ length: TRAFFIC.messageBytes }, (_, i) => (i * 31) >> 3);
const end = await openEnd({ frameBytes: TRAFFIC.frameBytes });
const { port } = await serveRaw(source);
let groups: ReturnType<typeof end.join> | undefined;

async function obey(message: ParentMessage): Promise<void> {
  switch (message.kind) {
    case "join":
      groups = end.join(1, [message.addresses, end.addresses]);
      await groups;
      break;
    case "send":
      if (groups !== undefined) await sendAll((await groups)[message.way], source);
      break;
  }
}

process.on("message", (message) => {
  obey(message as ParentMessage).catch(() => process.exit(1));
});
process.on("disconnect", () => process.exit(0));
process.send?.({ addresses: end.addresses, rawPort: port } satisfies PeerHello);
