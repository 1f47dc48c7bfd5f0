import {
  ResponderBuilder,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
  status,
} from "@grpc/grpc-js";

/** `method` is "cogfleet.v1.Generation/Submit", `code` the status' name such as "OK": both closed sets. */
export type CallObserver = (call: { readonly method: string; readonly code: string }) => void;

/** Reports the end of every call, once: its status, or CANCELLED when the caller left before there was one. */
export function observeCalls(onCallEnd: CallObserver): ServerInterceptor {
  return (descriptor, call) => {
    const method = descriptor.path.replace(/^\//, "");
    let isOver = false;
    const end = (code: status): void => {
      if (isOver) return;
      isOver = true;
      onCallEnd({ method, code: status[code] });
    };
    const listener = new ServerListenerBuilder().withOnCancel(() => end(status.CANCELLED)).build();
    const responder = new ResponderBuilder()
      .withStart((next) => next(listener))
      .withSendStatus((sent, next) => {
        end(sent.code ?? status.OK);
        next(sent);
      })
      .build();
    return new ServerInterceptingCall(call, responder);
  };
}
