import type { ServiceError } from "@grpc/grpc-js";

// Of OpenSSL, Node and grpc-js, as they come in the details of a call that found no connection.
const FAULTS: readonly (readonly [RegExp, string])[] = [
  [/wrong version number|packet length too long/i, "it speaks plaintext, and --tls-cert asks for TLS"],
  [/certificate has expired/i, "its certificate has expired"],
  [
    /self-signed certificate|unable to (verify|get)/i,
    "its certificate is not signed by an authority of --tls-ca",
  ],
  [/does not match certificate's altnames/i, "its certificate is for another name (see --tls-server-name)"],
  [
    /Failed to connect|Connection dropped|socket hang up|ECONNRESET|alert/i,
    "it closed the connection at once: it may want TLS, or a certificate signed by its --tls-ca",
  ],
];

/** Why no connection stands, for a person, when it is a matter of TLS; undefined: nobody may be there. */
export function connectionFault(error: ServiceError): string | undefined {
  return FAULTS.find(([sign]) => sign.test(error.details))?.[1];
}
