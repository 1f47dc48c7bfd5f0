import assert from "node:assert/strict";
import { type ModelConfigs, parseT5Config, parseTransformerConfig, parseVaeConfig } from "@cogfleet/model";
import { House, type TestWorker } from "./house.js";

const CONFIGS: ModelConfigs = {
  transformer: parseTransformerConfig("transformer", {}),
  vae: parseVaeConfig("vae", {}),
  textEncoder: parseT5Config("t5", { feed_forward_proj: "gated-gelu" }),
};

/** A worker that others can compute with. */
export function joinAsPeer(house: House, id: string): TestWorker {
  return house.worker(id, { exchangeAddress: `${id}:1`, configs: new Map([["demo", CONFIGS]]) });
}

/** Workers that can compute together, and a job on all of them. */
export async function together(count: number) {
  const house = new House();
  const join = (id: string): TestWorker => joinAsPeer(house, id);
  const workers = Array.from({ length: count }, (_, i) => join(`w${i}`));
  const job = await house.submit({ parallel: `cfg=1,context=${count}` });
  const [first, ...others] = workers;
  assert.ok(first !== undefined);
  return { house, join, job, first, others, workers };
}

/** What it was given last. */
export function assignOf(worker: TestWorker) {
  const assigned = worker.commands.findLast((command) => command.kind === "assign");
  assert.ok(assigned?.kind === "assign");
  return assigned;
}
