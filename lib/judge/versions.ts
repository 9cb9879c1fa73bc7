// Symbol versions that a library does not define: "version `GLIBC_2.38' not found (required by …)".
import type { Resolution } from "../addon/facts.js";
import { becauseOfPreload } from "./preloaded.js";
import type { Problem } from "./problem.js";

export function versionProblems({ versionProblems: problems, libraries }: Resolution): Problem[] {
  return problems
    .filter(({ weak }) => !weak)
    .map((version) => {
      const preload = becauseOfPreload(version.neededBy, { libraries });
      return {
        code: "version-missing",
        severity: "error",
        message: `${version.library} does not define ${version.version}, which ${version.neededBy} needs`,
        evidence: [
          `${version.providerPath} is the ${version.library} that would be loaded`,
          ...(preload?.evidence ?? []),
        ],
        remedy: preload?.remedy ?? null,
        need: { kind: "version", version },
      };
    });
}
