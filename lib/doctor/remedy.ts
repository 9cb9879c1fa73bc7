// From the judge's problems to findings: what helps, with what the store has.
import type { Facts } from "../addon/facts.js";
import type { Subject } from "../file/tree.js";
import type { Need, Problem } from "../judge/problem.js";
import { type Circumstances, fixCommand } from "./circumstances.js";
import { comesWithDriver } from "./driver.js";
import { asFinding, type Finding, type Help } from "./finding.js";
import { helpForLibrary, isProvided } from "./libraries.js";
import { helpForVersion } from "./versions.js";

/** One finding for each problem that no other one speaks for. */
export async function findingsOf(
  problems: readonly Problem[],
  subject: Subject,
  facts: Facts,
  circumstances: Circumstances,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const withoutLoader = problems.some(({ need }) => need?.kind === "loader");
  const versions = problems.flatMap(({ need }) => (need?.kind === "version" ? need.version : []));
  const help = async (need: Need | null): Promise<Help> => {
    switch (need?.kind) {
      case "library":
        return helpForLibrary(need.library, subject, facts, circumstances);
      case "version":
        return helpForVersion(need.version, versions, subject, facts, circumstances);
      default:
        return { evidence: [], remedy: fixCommand(subject, circumstances) };
    }
  };
  for (const problem of problems) {
    const { need, remedy } = problem;
    if (need?.kind === "library") {
      const { soname } = need.library;
      // doctor/driver.ts speaks of these.
      if (comesWithDriver(soname)) continue;
      // The loader that is set will find what the store has; only the rest is worth saying now.
      if (withoutLoader && (await isProvided(soname, facts, circumstances))) continue;
    }
    if (withoutLoader && (need?.kind === "version" || need?.kind === "libc")) continue;
    findings.push(
      asFinding(problem, remedy === null ? await help(need) : { evidence: [], remedy }),
    );
  }
  return findings;
}
