import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { V1Pod } from "@kubernetes/client-node";
import { noticeFor } from "./pod-notices.js";

const POD: V1Pod = {
  spec: {
    containers: [],
    nodeName: "node-1",
    tolerations: [
      { key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule" },
      { key: "dedicated", value: "video", effect: "NoSchedule" },
      {
        key: "node.kubernetes.io/not-ready",
        operator: "Exists",
        effect: "NoExecute",
        tolerationSeconds: 300,
      },
    ],
  },
};

describe("a notice that a pod will go", () => {
  it("is not what its node has always been like", () => {
    assert.equal(noticeFor(POD, []), undefined);
    assert.equal(noticeFor(POD, [{ key: "nvidia.com/gpu", effect: "NoSchedule" }]), undefined);
    assert.equal(noticeFor(POD, [{ key: "dedicated", value: "video", effect: "NoSchedule" }]), undefined);
    assert.equal(noticeFor(POD, [{ key: "node.kubernetes.io/not-ready", effect: "NoExecute" }]), undefined);
    assert.equal(noticeFor(POD, [{ key: "some", effect: "PreferNoSchedule" }]), undefined);
  });

  it("is a taint that it does not tolerate", () => {
    for (const [key, effect] of [
      ["node.kubernetes.io/unschedulable", "NoSchedule"],
      ["cloud.google.com/impending-node-termination", "NoSchedule"],
      ["dedicated", "NoExecute"],
    ] as const)
      assert.equal(noticeFor(POD, [{ key, effect }]), `its node node-1 has the taint ${key}:${effect}`);
    const other = { key: "dedicated", value: "other", effect: "NoSchedule" };
    assert.match(noticeFor(POD, [other]) ?? "", /taint dedicated/);
  });

  it("is its own end", () => {
    const deleted = { ...POD, metadata: { deletionTimestamp: new Date(0) } };
    assert.equal(noticeFor(deleted, []), "its pod is being deleted");
  });

  it("is its eviction or preemption", () => {
    const condition = { type: "DisruptionTarget", status: "True", reason: "PreemptionByScheduler" };
    assert.equal(
      noticeFor({ ...POD, status: { conditions: [condition] } }, []),
      "its pod is disrupted: PreemptionByScheduler",
    );
    const over = { ...condition, status: "False" };
    assert.equal(noticeFor({ ...POD, status: { conditions: [over] } }, []), undefined);
  });

  it("spares a pod that tolerates everything", () => {
    const tough = { ...POD, spec: { containers: [], tolerations: [{ operator: "Exists" }] } };
    assert.equal(noticeFor(tough, [{ key: "any", effect: "NoExecute" }]), undefined);
  });
});
