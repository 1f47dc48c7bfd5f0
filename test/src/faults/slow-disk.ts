// Loaded into a coordinator by --import: after SIGUSR2 the disk syncs no file for 15 seconds, as one that is overloaded.
import { open } from "node:fs/promises";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { neverAborts, systemClock } from "@cogfleet/core";

const BUSY_MS = 15_000;

let busy: Promise<void> | undefined;
process.on("SIGUSR2", () => {
  busy = systemClock.sleep(BUSY_MS, neverAborts);
});

const file = await open(fileURLToPath(import.meta.url));
const handle = Object.getPrototypeOf(file) as typeof file;
const { sync } = handle;
handle.sync = async function (this: typeof file) {
  await busy;
  await sync.call(this);
};
await file.close();
