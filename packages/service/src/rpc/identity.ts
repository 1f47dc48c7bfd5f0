import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { ClusterError } from "@cogfleet/core";
import type { TlsFiles } from "../tls-settings.js";

/** What a process shows to others, and whom it trusts: the three files, read and checked together. */
export interface Identity {
  readonly certificate: Buffer;
  readonly privateKey: Buffer;
  readonly ca: Buffer;
  /** Wall time, milliseconds: from here on others refuse the certificate. */
  readonly expiresAt: number;
  /** Likewise of the first of the authorities that ends. */
  readonly authorityExpiresAt: number;
}

/**
 * Reads the files. Throws `invalid_config` that names the flag and the file: not readable, not PEM, a key of another
 * certificate, a certificate that has expired.
 * @param at wall time, milliseconds
 */
export async function readIdentity(files: TlsFiles, at: number): Promise<Identity> {
  const [certificate, privateKey, ca] = await Promise.all([
    read("--tls-cert", files.certificate),
    read("--tls-key", files.privateKey),
    read("--tls-ca", files.ca),
  ]);
  const own = parse("--tls-cert", files.certificate, "a certificate", () => new X509Certificate(certificate));
  const key = parse("--tls-key", files.privateKey, "a private key", () => createPrivateKey(privateKey));
  const authorities = parse("--tls-ca", files.ca, "a certificate", () => certificatesIn(ca));
  if (!own.checkPrivateKey(key))
    throw invalid(`--tls-key ${files.privateKey} is not the key of --tls-cert ${files.certificate}`);
  const expiresAt = Date.parse(own.validTo);
  if (expiresAt <= at)
    throw invalid(`--tls-cert ${files.certificate} has expired: it was valid to ${own.validTo}`);
  const authorityExpiresAt = Math.min(...authorities.map(({ validTo }) => Date.parse(validTo)));
  return { certificate, privateKey, ca, expiresAt, authorityExpiresAt };
}

/** All of a bundle; what holds none is read as one, which says what is wrong. */
function certificatesIn(pem: Buffer): X509Certificate[] {
  const found = pem.toString("latin1").match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g);
  return (found ?? [pem]).map((one) => new X509Certificate(one));
}

/** Whether two readings of the files are the same bytes. */
export function isSameIdentity(a: Identity, b: Identity): boolean {
  return a.certificate.equals(b.certificate) && a.privateKey.equals(b.privateKey) && a.ca.equals(b.ca);
}

async function read(flag: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (reason) {
    const why = reason instanceof Error && "code" in reason ? ` (${String(reason.code)})` : "";
    throw invalid(`${flag} ${path} cannot be read${why}`, reason);
  }
}

function parse<T>(flag: string, path: string, what: string, parser: () => T): T {
  try {
    return parser();
  } catch (reason) {
    throw invalid(`${flag} ${path} is not ${what} in PEM`, reason);
  }
}

function invalid(message: string, cause?: unknown): ClusterError {
  return new ClusterError("invalid_config", message, { cause });
}
