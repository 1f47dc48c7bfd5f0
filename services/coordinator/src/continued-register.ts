import type { LeaseRegister } from "./register-lease.js";

/**
 * A register whose terms go on where those of another one stand, and are noted there before they begin: records carry
 * the term of their last writer, so that a change from one way of election to the other must not count from 1 again.
 */
export function continuedRegister(register: LeaseRegister, other: LeaseRegister): LeaseRegister {
  let noted = 0;
  return {
    async read(signal) {
      const [found, before] = await Promise.all([register.read(signal), other.read(signal)]);
      if (before === undefined || before.record.term <= (found?.record.term ?? 0)) return found;
      const { record, revision } = found ?? { record: { term: 0, holder: "", address: "" }, revision: "" };
      return { record: { ...record, term: before.record.term }, revision };
    },
    async write(record, revision, signal) {
      if (record.term > noted) {
        const before = await other.read(signal);
        if ((before?.record.term ?? 0) < record.term) {
          const note = { term: record.term, holder: "", address: "" };
          if ((await other.write(note, before?.revision, signal)) === undefined) return undefined;
        }
        noted = record.term;
      }
      return register.write(record, revision === "" ? undefined : revision, signal);
    },
  };
}
