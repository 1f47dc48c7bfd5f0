import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { neverAborts } from "@cogfleet/core";
import type { ModelStore } from "../model-store.js";
import { sampleModel } from "./sample-jobs.js";

/** An empty store. */
export interface ModelStoreUnderTest {
  readonly store: ModelStore;
  close(): Promise<void>;
  /** Ends the store and opens what it left behind. */
  reopen(): Promise<ModelStore>;
}

/** What every ModelStore does. */
export function modelStoreSuite(name: string, open: () => Promise<ModelStoreUnderTest>): void {
  describe(`${name} as a ModelStore`, () => {
    let opened: ModelStoreUnderTest;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(() => opened.close());

    it("remembers models by name, the last under each, also when it is opened again", async () => {
      const { store } = opened;
      assert.deepEqual(await store.all(neverAborts), []);
      const other = sampleModel({ name: "a model with spaces / and more" });
      for (const model of [sampleModel({ digest: "old" }), other, sampleModel()])
        await store.put(model, neverAborts);
      const byName = async (from: ModelStore) =>
        (await from.all(neverAborts)).toSorted((a, b) => a.name.localeCompare(b.name));
      assert.deepEqual(await byName(store), [other, sampleModel()]);
      assert.deepEqual(await byName(await opened.reopen()), [other, sampleModel()]);
    });

    it("does nothing for a signal that has aborted", async () => {
      const aborted = AbortSignal.abort(new Error("enough"));
      await assert.rejects(opened.store.put(sampleModel(), aborted), /enough/);
      await assert.rejects(opened.store.all(aborted), /enough/);
      assert.deepEqual(await opened.store.all(neverAborts), []);
    });
  });
}
