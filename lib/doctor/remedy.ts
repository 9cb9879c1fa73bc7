// From the judge's problems to findings: what helps, given what the store has.
import type { Facts } from "../addon/facts.js";
import { comesWithDriver } from "../file/driver_name.js";
import { directoryOfBoth } from "../file/together.js";
import type { Subject } from "../file/tree.js";
import { searchingAlone } from "../judge/loaded.js";
import type { Need, Problem } from "../judge/problem.js";
import { type Circumstances, fixCommand } from "./circumstances.js";
import { asFinding, type Finding, type Help } from "./finding.js";
import { helpForLibrary, isProvided } from "./libraries.js";
import { helpForVersion } from "./versions.js";

/** One finding for each problem that no other finding covers. */
export async function findingsOf(
  problems: readonly Problem[],
  subject: Subject,
  facts: Facts,
  circumstances: Circumstances,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const withoutLoader = problems.some(({ need }) => need?.kind === "loader");
  const versions = problems.flatMap(({ need }) => (need?.kind === "version" ? need.version : []));
  const whole = withAllToFix(problems, subject, circumstances);
  const help = async (need: Need | null): Promise<Help> => {
    switch (need?.kind) {
      case "library":
        return helpForLibrary(need.library, subject, facts, whole);
      case "version":
        return helpForVersion(need.version, versions, subject, facts, whole);
      default:
        return { evidence: [], remedy: fixCommand(subject, whole) };
    }
  };
  for (const problem of problems) {
    const { need, remedy } = problem;
    if (need?.kind === "library") {
      const { soname } = need.library;
      // doctor/driver.ts reports these.
      if (comesWithDriver(soname)) continue;
      // The loader that will be set finds what the store has; for now, only the rest is worth reporting.
      if (withoutLoader && (await isProvided(soname, facts, circumstances))) continue;
    }
    if (withoutLoader && (need?.kind === "version" || need?.kind === "libc")) continue;
    findings.push(
      asFinding(problem, remedy === null ? await help(need) : { evidence: [], remedy }),
    );
  }
  return findings;
}

/** With more to fix than was named, if a library outside must be changed too, to find its own libraries. */
function withAllToFix(
  problems: readonly Problem[],
  subject: Subject,
  circumstances: Circumstances,
): Circumstances {
  const { files, place, tree } = circumstances;
  for (const { need } of problems) {
    if (need?.kind !== "library") continue;
    const beyond = searchingAlone(need.library.neededBy, files, { place });
    if (beyond === null || tree.subjects.some(({ path }) => path === beyond)) continue;
    const shown = directoryOfBoth(subject, beyond, place);
    if (shown !== null) return { ...circumstances, tree: { ...tree, shown, directory: true } };
  }
  return circumstances;
}
