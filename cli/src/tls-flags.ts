import type { TlsFiles } from "@cogfleet/service";
import type { FlagReader } from "./flags.js";

const NONE = "none"; // as in the services' settings: a variable can be switched off by its flag

/** `--tls-cert`, `--tls-key`, `--tls-ca` and `--tls-server-name`, or their variables; undefined: plaintext. */
export function readTlsFlags(
  flags: FlagReader,
  env: Readonly<Record<string, string | undefined>>,
): TlsFiles | undefined {
  const read = (flag: string): string | undefined => {
    const variable = `COGFLEET_${flag.replaceAll("-", "_").toUpperCase()}`;
    const value = flags.text(flag) ?? env[variable];
    flags.require(value === undefined || value.trim() !== "", `--${flag} must not be blank`);
    return value === NONE ? undefined : value;
  };
  const [certificate, privateKey, ca] = [read("tls-cert"), read("tls-key"), read("tls-ca")];
  const serverName = read("tls-server-name");
  const isPlaintext = certificate === undefined && privateKey === undefined && ca === undefined;
  if (certificate !== undefined && privateKey !== undefined && ca !== undefined)
    return { certificate, privateKey, ca, serverName };
  flags.require(isPlaintext, "--tls-cert, --tls-key and --tls-ca go together: one of them is missing");
  flags.require(
    !isPlaintext || serverName === undefined,
    "--tls-server-name needs --tls-cert, --tls-key and --tls-ca",
  );
  return undefined;
}
