const MOST_BYTES = 2048;

/**
 * A message as the status of a call can carry it, in a header that is percent-encoded: cut to what every client takes,
 * since a header beyond its limits stalls the whole connection, and without halves of surrogate pairs, which end the
 * process that encodes them.
 */
export function statusText(message: string): string {
  const bytes = Buffer.from(message); // a half becomes U+FFFD
  if (bytes.length <= MOST_BYTES) return bytes.toString();
  const whole = new TextDecoder().decode(bytes.subarray(0, MOST_BYTES), { stream: true }); // no part of a character
  return `${whole}…`;
}
