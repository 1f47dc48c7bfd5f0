// Entry point of the process that computes. It ends when its parent does, or is killed by it.
import process from "node:process";
import type { ComputeRequest } from "./compute-messages.js";
import { computeServer } from "./compute-server.js";

const answer = computeServer(
  (reply) => {
    if (process.connected) process.send?.(reply);
  },
  () => !process.connected,
);
process.on("message", (request: ComputeRequest) => void answer(request));
process.on("disconnect", () => process.exit(0));
