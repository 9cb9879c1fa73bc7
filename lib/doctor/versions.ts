// version-missing: the loader says "version `GLIBC_2.38' not found (required by …)".
import type { Resolution, VersionProblem } from "../facts.js";
import type { Subject } from "../subject.js";
import { type Circumstances, fixCommand } from "./circumstances.js";
import type { Finding } from "./finding.js";

export async function versionFindings(
  subject: Subject,
  resolution: Resolution,
  circumstances: Circumstances,
): Promise<Finding[]> {
  const problems = resolution.versionProblems.filter(({ weak }) => !weak);
  const loaders = problems.length > 0 ? await circumstances.store.loaders() : [];
  return problems.map((problem) => {
    const newer = loaders.find(({ definedVersions }) => definedVersions.includes(problem.version));
    return findingFor(problem, newer?.path ?? null, fixCommand(subject, circumstances));
  });
}

function findingFor(problem: VersionProblem, newer: string | null, fix: string): Finding {
  const { version, library, providerPath, neededBy } = problem;
  const provided = newer === null ? [] : [`${version} is defined by the glibc of ${newer}`];
  return {
    code: "version-missing",
    message: `${library} does not define ${version}, which ${neededBy} needs`,
    evidence: [`${providerPath} is the ${library} that would be loaded`, ...provided],
    remedy:
      newer === null && version.startsWith("GLIBC_")
        ? `No glibc in the store defines ${version}. Get a newer one, then: ${fix}`
        : fix,
  };
}
