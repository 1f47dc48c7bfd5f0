import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "@cogfleet/core";
import { modelStoreSuite } from "../testing/model-store-suite.js";
import { openEmbeddedStores } from "./open-embedded-stores.js";

modelStoreSuite("EmbeddedModelStore", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cogfleet-models-"));
  const deps = { log: silentLogger, onDamage: () => {} };
  let stores = await openEmbeddedStores(folder, deps);
  return {
    store: stores.models,
    close: async () => {
      await stores.close();
      rmSync(folder, { recursive: true });
    },
    reopen: async () => {
      await stores.close();
      stores = await openEmbeddedStores(folder, deps);
      return stores.models;
    },
  };
});
