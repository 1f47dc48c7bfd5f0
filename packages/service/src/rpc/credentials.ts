import { checkServerIdentity } from "node:tls";
import { type Clock, ClusterError, type Logger } from "@cogfleet/core";
import { type ChannelCredentials, credentials, experimental, ServerCredentials } from "@grpc/grpc-js";
import type { TlsFiles } from "../tls-settings.js";
import { type Identity, isSameIdentity, readIdentity } from "./identity.js";

/** How a process makes itself known on its gRPC channels, and whom it lets in. */
export interface Credentials {
  readonly server: ServerCredentials;
  readonly channel: ChannelCredentials;
  /** Ends the watch over the files. Idempotent. */
  stop(): Promise<void>;
}

export interface CredentialsDeps {
  readonly clock: Clock;
  readonly log: Pick<Logger, "info" | "warn">;
  /** Told, at first and when they change, until when the own certificate and the authority's hold: Unix time, seconds. */
  readonly onExpiry?: (certificate: "own" | "authority", atSeconds: number) => void;
}

const LOOK_MS = 5_000;

/**
 * Mutual TLS with these files, or plaintext without. Both ends show a certificate and check the other's. The files are
 * looked at every five seconds: new connections use what is new, those that stand go on. What cannot be used (half of a
 * rotation, a key that does not fit, an expired certificate) is logged, and the one before stays in use.
 * Throws `invalid_config` when they cannot be used now.
 */
export async function openCredentials(
  files: TlsFiles | undefined,
  { clock, log, onExpiry = () => {} }: CredentialsDeps,
): Promise<Credentials> {
  if (files === undefined) {
    const server = ServerCredentials.createInsecure();
    return {
      server,
      channel: credentials.createInsecure(),
      stop: async () => {},
    };
  }
  const source = new IdentitySource(await readIdentity(files, clock.wallTime()), onExpiry);
  const stopping = new AbortController();
  const watch = watchFiles(files, source, { clock, log }, stopping.signal);
  const { serverName } = files;
  const verify =
    serverName === undefined
      ? {}
      : { checkServerIdentity: (_: string, peer: PeerCertificate) => checkServerIdentity(serverName, peer) };
  return {
    server: experimental.createCertificateProviderServerCredentials(source, source, true),
    channel: experimental.createCertificateProviderChannelCredentials(source, source, verify),
    async stop() {
      stopping.abort(new ClusterError("cancelled", "the process is stopping"));
      await watch;
    },
  };
}

type PeerCertificate = Parameters<typeof checkServerIdentity>[1];
type CaListener = experimental.CaCertificateUpdateListener;
type IdentityListener = experimental.IdentityCertificateUpdateListener;

/** Hands the newest identity to grpc-js, whole: never a new certificate with an old key. */
class IdentitySource implements experimental.CertificateProvider {
  #identity: Identity;
  readonly #caListeners = new Set<CaListener>();
  readonly #identityListeners = new Set<IdentityListener>();

  readonly #onExpiry: NonNullable<CredentialsDeps["onExpiry"]>;

  constructor(identity: Identity, onExpiry: NonNullable<CredentialsDeps["onExpiry"]>) {
    this.#identity = identity;
    this.#onExpiry = onExpiry;
    this.#tellExpiry();
  }

  get identity(): Identity {
    return this.#identity;
  }

  replace(identity: Identity): void {
    this.#identity = identity;
    for (const listener of this.#caListeners) listener({ caCertificate: identity.ca });
    for (const listener of this.#identityListeners) listener(identity);
    this.#tellExpiry();
  }

  #tellExpiry(): void {
    const { expiresAt, authorityExpiresAt } = this.#identity;
    this.#onExpiry("own", expiresAt / 1000);
    this.#onExpiry("authority", authorityExpiresAt / 1000);
  }

  addCaCertificateListener(listener: CaListener): void {
    this.#caListeners.add(listener);
    soon(() => listener({ caCertificate: this.#identity.ca }));
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.#caListeners.delete(listener);
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.add(listener);
    soon(() => listener(this.#identity));
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.delete(listener);
  }
}

/** grpc-js asks for an identity just before it is ready to be told one. */
function soon(tell: () => void): void {
  queueMicrotask(tell);
}

async function watchFiles(
  files: TlsFiles,
  source: IdentitySource,
  { clock, log }: CredentialsDeps,
  signal: AbortSignal,
): Promise<void> {
  let complaint = ""; // said once, not every five seconds
  while (!signal.aborted) {
    await clock.sleep(LOOK_MS, signal).catch(() => {});
    if (signal.aborted) return;
    try {
      const identity = await readIdentity(files, clock.wallTime());
      complaint = "";
      if (isSameIdentity(identity, source.identity)) continue;
      source.replace(identity);
      const validTo = new Date(identity.expiresAt).toISOString();
      log.info({ certificate: files.certificate, validTo }, "certificate changed");
    } catch (reason) {
      const { message } = ClusterError.from(reason);
      if (message !== complaint) log.warn({ reason: message }, "new certificate not used, the old one stays");
      complaint = message;
    }
  }
}
