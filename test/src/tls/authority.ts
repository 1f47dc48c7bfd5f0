import "reflect-metadata"; // @peculiar/x509 asks for it
import { webcrypto } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { TlsFiles } from "@cogfleet/service";
import {
  BasicConstraintsExtension,
  cryptoProvider,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

cryptoProvider.set(webcrypto);

const KEYS = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const HOUR_MS = 3_600_000;

export interface IssueOptions {
  /** Names and addresses of the holder. Default: this machine's loopback. */
  readonly names?: readonly string[];
  /** From now; negative: it has expired. Default: an hour. */
  readonly validForMs?: number;
}

/** An authority of a test, with a folder that goes with the test. */
export interface Authority {
  readonly folder: string;
  /** Writes the holder's three files; issuing to the same holder again replaces them. */
  issue(holder: string, options?: IssueOptions): Promise<TlsFiles>;
}

export async function createAuthority(t: Pick<TestContext, "after">, name: string): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), "cogfleet-tls-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const keys = await webcrypto.subtle.generateKey(KEYS, true, ["sign", "verify"]);
  const now = Date.now();
  const root = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    notBefore: new Date(now - 2 * HOUR_MS),
    notAfter: new Date(now + HOUR_MS),
    keys,
    signingAlgorithm: KEYS,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });
  return {
    folder,
    async issue(holder, { names = ["127.0.0.1", "localhost"], validForMs = HOUR_MS } = {}) {
      const own = await webcrypto.subtle.generateKey(KEYS, true, ["sign", "verify"]);
      const certificate = await X509CertificateGenerator.create({
        subject: `CN=${holder}`,
        issuer: root.subject,
        notBefore: new Date(now - 2 * HOUR_MS),
        notAfter: new Date(Date.now() + validForMs),
        signingKey: keys.privateKey,
        publicKey: own.publicKey,
        signingAlgorithm: KEYS,
        extensions: [
          new SubjectAlternativeNameExtension(
            names.map((value) => ({ type: /^[\d.]+$/.test(value) ? "ip" : "dns", value })),
          ),
        ],
      });
      const key = await webcrypto.subtle.exportKey("pkcs8", own.privateKey);
      const path = (part: string): string => join(folder, `${holder}-${part}.pem`);
      await writeFile(path("cert"), certificate.toString("pem"));
      await writeFile(path("key"), PemConverter.encode(key, "PRIVATE KEY"), { mode: 0o600 });
      await writeFile(path("ca"), root.toString("pem"));
      return { certificate: path("cert"), privateKey: path("key"), ca: path("ca"), serverName: undefined };
    },
  };
}
