import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readBenchFlags } from "./bench-flags.js";

describe("the flags of a bench", () => {
  it("name it, and leave the rest as documented", () => {
    const { name, folder, ranks, activations, widths } = readBenchFlags(["exchange"]);
    assert.deepEqual([name, folder, ranks, activations], ["exchange", undefined, [2, 3, 4], undefined]);
    assert.deepEqual(widths, ["2b", "5b", "narrow"]);
    assert.equal(readBenchFlags(["parallel-step", "--activations", "bf16"]).activations, "bf16");
  });

  for (const [args, words] of [
    [["--ranks", "2,x"], /--ranks takes whole numbers from 1 on, got "x"/],
    [["--repeats", "0"], /--repeats takes whole numbers from 1 on, got "0"/],
    [["--activations", "fp8"], /--activations takes bf16, int8, got "fp8"/],
    [["--widths", "7b"], /--widths takes .*5b.*, got "7b"/],
    [["--rank", "2"], /Unknown option '--rank'/],
  ] as const)
    it(`refuse ${args.join(" ")}`, () =>
      assert.throws(() => readBenchFlags(["exchange", ...args]), {
        code: "invalid_request",
        message: words,
      }));
});
