import protobuf from "protobufjs";

// google/rpc/status.proto and error_details.proto, as far as a hint to try again needs them.
const rpc = protobuf.Root.fromJSON({
  nested: {
    Status: {
      fields: {
        code: { type: "int32", id: 1 },
        message: { type: "string", id: 2 },
        details: { rule: "repeated", type: "Any", id: 3 },
      },
    },
    Any: { fields: { typeUrl: { type: "string", id: 1 }, value: { type: "bytes", id: 2 } } },
    RetryInfo: { fields: { retryDelay: { type: "Duration", id: 1 } } },
    Duration: { fields: { seconds: { type: "int64", id: 1 }, nanos: { type: "int32", id: 2 } } },
  },
});
const Status = rpc.lookupType("Status");
const RetryInfo = rpc.lookupType("RetryInfo");
const RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo";

/** A google.rpc.Status that says when to try again, as the trailer `grpc-status-details-bin` carries it. */
export function encodeRetryInfo(
  status: { readonly code: number; readonly message: string },
  retryAfterMs: number,
): Buffer {
  const seconds = Math.floor(retryAfterMs / 1000);
  const nanos = Math.round((retryAfterMs - 1000 * seconds) * 1e6);
  const value = RetryInfo.encode({ retryDelay: { seconds, nanos } }).finish();
  return Buffer.from(Status.encode({ ...status, details: [{ typeUrl: RETRY_INFO, value }] }).finish());
}
