import { check } from "./checks.js";
import { type Scenario, simulate } from "./simulation.js";

/** Leaves out faults and wishes, one after another, as long as the same promise stays broken. */
export async function shrink(scenario: Scenario, broken: string): Promise<Scenario> {
  let least = scenario;
  for (const part of ["faults", "wishes"] as const) {
    for (let at = least[part].length - 1; at >= 0; at--) {
      const smaller = { ...least, [part]: least[part].filter((_, i) => i !== at) };
      const violations = check(await simulate(smaller));
      if (violations.some((violation) => violation.check === broken)) least = smaller;
    }
  }
  return least;
}
