import type { Command } from "commander";

/** The flags of every command that talks to a coordinator: where it is, and how both ends make themselves known. */
export function addClientOptions(command: Command): Command {
  return command
    .option(
      "--endpoint <host:port>",
      "the coordinator; several separated by commas (default: COGFLEET_ENDPOINT or 127.0.0.1:7070)",
    )
    .option("--tls-cert <pem>", "certificate to show to it (default: COGFLEET_TLS_CERT or plaintext)")
    .option("--tls-key <pem>", "private key of --tls-cert (default: COGFLEET_TLS_KEY)")
    .option("--tls-ca <pem>", "authorities that must have signed its certificate (default: COGFLEET_TLS_CA)")
    .option("--tls-server-name <name>", "name its certificate must carry (default: that of --endpoint)");
}
