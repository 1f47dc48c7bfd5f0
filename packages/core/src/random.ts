import { randomBytes, randomInt } from "node:crypto";

/** Randomness, as a dependency. */
export interface Random {
  /** A new identifier: 128 random bits, 26 lower-case letters and digits, sortable by nothing. */
  id(): string;
  /** A seed for a generation, an integer in [0, 2^48). */
  seed(): number;
}

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"; // Crockford's base 32: no i, l, o, u

export const systemRandom: Random = {
  id: () => {
    let bits = BigInt(`0x${randomBytes(16).toString("hex")}`);
    let id = "";
    for (let i = 0; i < 26; i++) {
      id += ALPHABET[Number(bits & 31n)];
      bits >>= 5n;
    }
    return id;
  },
  seed: () => randomInt(2 ** 48 - 1),
};
