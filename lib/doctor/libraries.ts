// library-missing, library-collected, library-wrong-machine: the loader says "cannot open shared
// object file".
import type { Facts, Resolution, ResolvedLibrary } from "../facts.js";
import { describeMachine } from "../machine.js";
import type { Subject } from "../subject.js";
import { type Circumstances, collectedStorePath, fixCommand } from "./circumstances.js";
import type { Finding } from "./finding.js";

export async function libraryFindings(
  subject: Subject,
  facts: Facts,
  resolution: Resolution,
  circumstances: Circumstances,
): Promise<Finding[]> {
  // Without its loader a program gets no libraries at all: one finding says so already.
  if (facts.type !== "shared-library" && !resolution.interpreter.found) {
    return missingBesidesLoader(subject, facts, resolution, circumstances);
  }
  const missing = resolution.libraries.filter(({ path, optional }) => path === null && !optional);
  return Promise.all(missing.map((library) => findingFor(library, subject, facts, circumstances)));
}

/** Only what no store path could provide either is worth saying while the loader is missing. */
async function missingBesidesLoader(
  subject: Subject,
  facts: Facts,
  resolution: Resolution,
  circumstances: Circumstances,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const library of resolution.libraries) {
    if (library.path !== null || library.optional) continue;
    if ((await providersOf(library.soname, facts, circumstances)).length > 0) continue;
    findings.push(await findingFor(library, subject, facts, circumstances));
  }
  return findings;
}

async function findingFor(
  library: ResolvedLibrary,
  subject: Subject,
  facts: Facts,
  circumstances: Circumstances,
): Promise<Finding> {
  const { soname, neededBy, tried } = library;
  const collected = tried
    .map(({ path }) => collectedStorePath(path, circumstances))
    .find((storePath) => storePath !== null);
  const evidence = [
    `${neededBy} needs ${soname}`,
    ...tried.slice(0, 12).map(({ path, why }) => `${path}: ${why}`),
    library.reason,
  ];
  const providers = await providersOf(soname, facts, circumstances);
  const [best] = providers;
  if (best !== undefined) evidence.push(`${best} would do`);
  const remedy =
    best === undefined
      ? `No store path here provides ${soname}. Get a package that does, then: ${fixCommand(subject, circumstances)}`
      : fixCommand(subject, circumstances);
  if (collected) {
    const message = `${soname} was in ${collected}, which garbage collection has taken`;
    return { code: "library-collected", message, evidence, remedy };
  }
  if (library.wrongMachineSeen) {
    const message = `${soname} is there, but for another machine than ${describeMachine(facts)}`;
    return { code: "library-wrong-machine", message, evidence, remedy };
  }
  return {
    code: "library-missing",
    message: `the library ${soname} is not found`,
    evidence,
    remedy,
  };
}

async function providersOf(
  soname: string,
  facts: Facts,
  { store }: Circumstances,
): Promise<string[]> {
  const needed = facts.versionsNeeded.find(({ library }) => library === soname);
  const versions = needed?.versions.filter(({ weak }) => !weak).map(({ name }) => name) ?? [];
  const found = await store.providers([soname], { ...facts, versions });
  return (found.get(soname)?.providers ?? []).map(({ path }) => path);
}
