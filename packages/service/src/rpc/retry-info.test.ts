import assert from "node:assert/strict";
import { it } from "node:test";
import { encodeRetryInfo } from "./retry-info.js";

it("is a google.rpc.Status with a google.rpc.RetryInfo, byte for byte", () => {
  const typeUrl = "type.googleapis.com/google.rpc.RetryInfo";
  const delay = [0x08, 3, 0x10, 0x80, 0xca, 0xb5, 0xee, 0x01]; // seconds = 3, nanos = 500,000,000
  const retryInfo = [0x0a, delay.length, ...delay]; // retry_delay = 1
  const any = [0x0a, typeUrl.length, ...Buffer.from(typeUrl), 0x12, retryInfo.length, ...retryInfo];
  const status = [0x08, 8, 0x12, 4, ...Buffer.from("full"), 0x1a, any.length, ...any];
  assert.deepEqual([...encodeRetryInfo({ code: 8, message: "full" }, 3_500)], status);
});
