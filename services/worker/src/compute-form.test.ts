import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClusterError, neverAborts } from "@cogfleet/core";
import { ComputeForms, formOf } from "./compute-form.js";

/** Forms whose runtimes write down what happens to them. */
function setUp() {
  const log: string[] = [];
  let started = 0;
  let failure: Error | undefined;
  const forms = new ComputeForms<string>(
    () => {
      started += 1;
      const name = `runtime ${started}`;
      log.push(`start ${name}`);
      const noGraph = () => assert.fail();
      return { open: noGraph, openTogether: noGraph, close: async () => void log.push(`end ${name}`) };
    },
    async (_runtime, form) => {
      if (failure !== undefined) throw failure;
      log.push(`load ${form}`);
      return form;
    },
  );
  return { forms, log, fail: (error: Error | undefined) => (failure = error) };
}

describe("the forms of a model", () => {
  it("are the whole graph for ranks that share no rows, segments for the others", () => {
    assert.equal(formOf({ context: 1 }), "whole");
    assert.equal(formOf({ context: 2 }), "segments");
  });

  it("come with a runtime each, the one before ended first, and stay loaded while they are asked for", async () => {
    const { forms, log } = setUp();
    for (const form of ["whole", "whole", "segments", "whole"] as const)
      assert.equal(await forms.take(form, neverAborts), form);
    await forms.close();
    await forms.close();
    assert.deepEqual(log, [
      ...["start runtime 1", "load whole", "end runtime 1"],
      ...["start runtime 2", "load segments", "end runtime 2"],
      ...["start runtime 3", "load whole", "end runtime 3"],
    ]);
    await assert.rejects(forms.take("whole", neverAborts), ClusterError);
  });

  it("leave nothing loaded when loading fails, and are loaded anew the next time", async () => {
    const { forms, log, fail } = setUp();
    fail(new ClusterError("out_of_memory", "too big"));
    await assert.rejects(forms.take("whole", neverAborts), /too big/);
    assert.equal(forms.form, undefined);
    fail(undefined);
    await forms.take("whole", neverAborts);
    assert.equal(forms.form, "whole");
    assert.deepEqual(log, ["start runtime 1", "end runtime 1", "start runtime 2", "load whole"]);
  });

  it("start no runtime once they are closed, in the middle of a change of form neither", async () => {
    const { forms, log } = setUp();
    await forms.take("whole", neverAborts);
    const changing = forms.take("segments", neverAborts);
    await Promise.all([assert.rejects(changing, { code: "cancelled" }), forms.close()]);
    assert.deepEqual(
      log.filter((line) => line.startsWith("start")),
      ["start runtime 1"],
    );
  });
});
