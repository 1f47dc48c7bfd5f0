import { type FlagReader, isEndpoint } from "./flags.js";

/** Where a coordinator listens when it is not told otherwise, as in its own settings. */
export const DEFAULT_PORT = 7070;
export const DEFAULT_ENDPOINT = `127.0.0.1:${DEFAULT_PORT}`;

/** The coordinators to talk to: `--endpoint`, or COGFLEET_ENDPOINT, or this machine; several separated by commas. */
export function readEndpoint(flags: FlagReader, env: Readonly<Record<string, string | undefined>>): string {
  const given = flags.text("endpoint");
  const source = given === undefined ? "COGFLEET_ENDPOINT" : "--endpoint";
  const value = given ?? env["COGFLEET_ENDPOINT"] ?? DEFAULT_ENDPOINT;
  for (const endpoint of value.split(",").map((one) => one.trim()))
    flags.require(
      isEndpoint(endpoint),
      `${source} must be host:port, such as 127.0.0.1:7070, got "${endpoint}"`,
    );
  return value;
}
