import type { GenerationClient } from "./client/generation.js";
import { openClient } from "./client/open-client.js";
import type { CommandContext } from "./context.js";
import { readEndpoint } from "./endpoint.js";
import type { ExitCode } from "./exit-code.js";
import type { FlagReader } from "./flags.js";
import { readTlsFlags } from "./tls-flags.js";

/** Reads `--endpoint` and `--tls-*`, reports every flag that was wrong, and runs `use` with a client until it has an exit code. */
export async function withClient(
  flags: FlagReader,
  context: CommandContext,
  use: (client: GenerationClient, signal: AbortSignal) => Promise<ExitCode>,
): Promise<ExitCode> {
  const endpoint = readEndpoint(flags, context.env);
  const tls = readTlsFlags(flags, context.env);
  flags.finish();
  const client = await openClient({ endpoint, tls }, context.clock);
  try {
    return await use(client, context.interrupt);
  } finally {
    client.close();
  }
}
