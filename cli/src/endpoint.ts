import { type FlagReader, isEndpoint } from "./flags.js";

/** Where a coordinator listens when it is not told otherwise, as in its own settings. */
export const DEFAULT_PORT = 7070;

/** The coordinator to talk to: `--endpoint`, or COGFLEET_ENDPOINT, or this machine. */
export function readEndpoint(flags: FlagReader, env: Readonly<Record<string, string | undefined>>): string {
  const given = flags.text("endpoint");
  const source = given === undefined ? "COGFLEET_ENDPOINT" : "--endpoint";
  const value = given ?? env["COGFLEET_ENDPOINT"] ?? `127.0.0.1:${DEFAULT_PORT}`;
  flags.require(isEndpoint(value), `${source} must be host:port, such as 127.0.0.1:7070, got "${value}"`);
  return value;
}
