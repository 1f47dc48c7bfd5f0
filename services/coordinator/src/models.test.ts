import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ModelCatalog } from "./models.js";
import { sampleModel } from "./testing/sample-jobs.js";

const counted = (): boolean => true;
const notCounted = (): boolean => false;

describe("ModelCatalog", () => {
  it("has nothing to choose before a model was offered", () => {
    assert.throws(() => new ModelCatalog().choose(undefined), {
      code: "unavailable",
      message: "no worker has offered a model yet",
    });
  });

  it("chooses the only model by itself, and asks for a name when there are several", () => {
    const models = new ModelCatalog();
    models.offer("w", [sampleModel()], notCounted);
    assert.equal(models.choose(undefined).name, "demo");
    models.offer("w", [sampleModel({ name: "big" })], notCounted);
    assert.equal(models.choose("big").name, "big");
    assert.throws(() => models.choose(undefined), {
      code: "invalid_request",
      message: 'model is required, as there are several: "big", "demo"',
    });
  });

  it("says what there is instead of a model that there is not", () => {
    const models = new ModelCatalog();
    models.offer("w", [sampleModel()], notCounted);
    assert.throws(() => models.choose("x"), {
      code: "model_not_found",
      message: 'no worker has offered model "x"; there is "demo"',
    });
  });

  it("refuses another digest under a name that is counted on, and takes nothing of that offer", () => {
    const models = new ModelCatalog();
    models.offer("w1", [sampleModel()], notCounted);
    const other = [sampleModel({ name: "new" }), sampleModel({ digest: "e".repeat(64) })];
    assert.throws(() => models.offer("w2", other, counted), {
      code: "invalid_checkpoint",
      message: /worker w2 offers model "demo" with digest eeeeeeeeeeee, but .* digest dddddddddddd/,
    });
    assert.deepEqual(
      models.all().map((model) => model.name),
      ["demo"],
    );
  });

  it("takes the new digest once nobody counts on the old one", () => {
    const models = new ModelCatalog();
    models.offer("w1", [sampleModel()], notCounted);
    models.offer("w2", [sampleModel({ digest: "e".repeat(64) })], notCounted);
    assert.equal(models.choose("demo").digest, "e".repeat(64));
  });
});
