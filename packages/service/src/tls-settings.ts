import { type ConfigOf, textSetting } from "./config.js";

/** Where the parts of a process's identity are: paths of PEM files. */
export interface TlsFiles {
  /** The certificate that this process shows to others, with its chain. */
  readonly certificate: string;
  /** Its private key. */
  readonly privateKey: string;
  /** Certificates of the authorities that must have signed what others show. */
  readonly ca: string;
  /** The name that a server's certificate must carry; undefined: the address that was dialled. */
  readonly serverName: string | undefined;
}

const NONE = "none";

/** The settings of every process that speaks gRPC: all three files, or none for plaintext. */
export const tlsSettings = {
  tlsCert: textSetting({
    fallback: NONE,
    help: "PEM file with the certificate to show to others; none: plaintext",
  }),
  tlsKey: textSetting({ fallback: NONE, help: "PEM file with the private key of --tls-cert" }),
  tlsCa: textSetting({ fallback: NONE, help: "PEM file with the authorities that others must be signed by" }),
  tlsServerName: textSetting({
    fallback: NONE,
    help: "name that a server's certificate must carry; none: the address that is dialled",
  }),
};

type TlsConfig = ConfigOf<typeof tlsSettings>;

/** What is wrong with them together. */
export function tlsProblems({ tlsCert, tlsKey, tlsCa, tlsServerName }: TlsConfig): readonly string[] {
  const files = { "--tls-cert": tlsCert, "--tls-key": tlsKey, "--tls-ca": tlsCa };
  const missing = Object.entries(files).flatMap(([flag, path]) => (path === NONE ? [flag] : []));
  if (missing.length === 3 && tlsServerName !== NONE)
    return ["--tls-server-name needs --tls-cert, --tls-key and --tls-ca"];
  if (missing.length === 0 || missing.length === 3) return [];
  return [`--tls-cert, --tls-key and --tls-ca go together: ${missing.join(" and ")} is missing`];
}

/** The files of settings without problems; undefined: plaintext. */
export function tlsFilesOf({ tlsCert, tlsKey, tlsCa, tlsServerName }: TlsConfig): TlsFiles | undefined {
  if (tlsCert === NONE) return undefined;
  return {
    certificate: tlsCert,
    privateKey: tlsKey,
    ca: tlsCa,
    serverName: tlsServerName === NONE ? undefined : tlsServerName,
  };
}
