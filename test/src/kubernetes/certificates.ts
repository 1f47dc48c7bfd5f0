import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { output } from "../clients/tool.js";

/** A certificate authority in a folder: NAME.crt and NAME.key are written there. */
export interface Authority {
  readonly certificate: string;
  readonly key: string;
}

/** Makes a certificate authority; its files are FOLDER/NAME.crt and .key. Needs openssl. */
export async function makeAuthority(folder: string, name: string): Promise<Authority> {
  mkdirSync(folder, { recursive: true });
  const certificate = join(folder, `${name}.crt`);
  const key = join(folder, `${name}.key`);
  if (!existsSync(certificate))
    await output("openssl", [
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"],
      ...["-subj", `/CN=${name}`, "-keyout", key, "-out", certificate],
    ]);
  return { certificate, key };
}

/**
 * Issues a certificate for `subject`, such as "/O=system:masters/CN=admin"; its files are FOLDER/NAME.crt and .key.
 * @param names alternative names as openssl writes them, such as "DNS:localhost"
 */
export async function issueCertificate(
  authority: Authority,
  folder: string,
  { name, subject, names = [] }: { name: string; subject: string; names?: readonly string[] },
): Promise<Authority> {
  const certificate = join(folder, `${name}.crt`);
  const key = join(folder, `${name}.key`);
  const request = join(folder, `${name}.csr`);
  const extensions = join(folder, `${name}.ext`);
  const alternatives = names.length === 0 ? "" : `subjectAltName=${names.join(",")}\n`;
  writeFileSync(extensions, `${alternatives}extendedKeyUsage=serverAuth,clientAuth\n`);
  await output("openssl", [
    ...["req", "-newkey", "rsa:2048", "-nodes", "-subj", subject, "-keyout", key, "-out", request],
  ]);
  await output("openssl", [
    ...["x509", "-req", "-in", request, "-days", "30", "-out", certificate, "-extfile", extensions],
    ...["-CA", authority.certificate, "-CAkey", authority.key, "-CAcreateserial"],
  ]);
  return { certificate, key };
}

/** A key pair that signs tokens: FOLDER/NAME.key and .pub. */
export async function makeSigningKey(
  folder: string,
  name: string,
): Promise<{ readonly privateKey: string; readonly publicKey: string }> {
  const privateKey = join(folder, `${name}.key`);
  const publicKey = join(folder, `${name}.pub`);
  await output("openssl", ["genrsa", "-out", privateKey, "2048"]);
  await output("openssl", ["rsa", "-in", privateKey, "-pubout", "-out", publicKey]);
  return { privateKey, publicKey };
}
