// Loaded into a worker by --import: SIGUSR2 blocks its event loop for ten seconds, as a runaway computation would.
import process from "node:process";

const BLOCKED_MS = 10_000;

process.on("SIGUSR2", () => {
  const end = performance.now() + BLOCKED_MS;
  while (performance.now() < end);
});
