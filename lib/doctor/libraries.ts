// library-missing, library-collected, library-wrong-machine: the loader says "cannot open shared
// object file".
import type { Facts, Resolution, ResolvedLibrary } from "../addon/facts.js";
import { describeMachine } from "../file/machine.js";
import type { Subject } from "../file/tree.js";
import { type Circumstances, collectedStorePath, fixCommand } from "../judge/circumstances.js";
import type { Finding } from "./finding.js";

export async function libraryFindings(
  subject: Subject,
  facts: Facts,
  resolution: Resolution,
  circumstances: Circumstances,
  isLeftOut: (soname: string) => boolean,
): Promise<Finding[]> {
  // Without its loader a program gets no libraries at all: one finding says so already.
  if (facts.type !== "shared-library" && !resolution.interpreter.found) {
    return missingBesidesLoader(subject, facts, resolution, circumstances, isLeftOut);
  }
  const findings: Finding[] = [];
  for (const library of missingOf(resolution, isLeftOut))
    findings.push(await findingFor(library, subject, facts, circumstances));
  return findings;
}

/** `isLeftOut` says of which names another finding speaks. */
function missingOf(
  { libraries }: Resolution,
  isLeftOut: (soname: string) => boolean,
): ResolvedLibrary[] {
  return libraries.filter(
    ({ path, optional, soname }) => path === null && !optional && !isLeftOut(soname),
  );
}

/** Only what no store path could provide either is worth saying while the loader is missing. */
async function missingBesidesLoader(
  subject: Subject,
  facts: Facts,
  resolution: Resolution,
  circumstances: Circumstances,
  isLeftOut: (soname: string) => boolean,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const library of missingOf(resolution, isLeftOut)) {
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
  const located = best === undefined ? await locate(soname, circumstances) : null;
  if (located !== null) evidence.push(located.evidence);
  const fix = fixCommand(subject, circumstances);
  const remedy =
    best !== undefined
      ? fix
      : `No store path here provides ${soname}. ${located?.wanted ?? "Get a package that does"}, then: ${fix}`;
  if (collected) {
    const message = `${soname} was in ${collected}, which garbage collection has taken`;
    return { code: "library-collected", severity: "error", message, evidence, remedy };
  }
  if (library.wrongMachineSeen) {
    const message = `${soname} is there, but for another machine than ${describeMachine(facts)}`;
    return { code: "library-wrong-machine", severity: "error", message, evidence, remedy };
  }
  return {
    code: "library-missing",
    severity: "error",
    message: `the library ${soname} is not found`,
    evidence,
    remedy,
  };
}

/** What nix-index's database says of a library that the store has not; null where it is not asked. */
async function locate(
  soname: string,
  { store }: Circumstances,
): Promise<{ evidence: string; wanted: string } | null> {
  const packages = await store.locate(soname);
  const [first] = packages ?? [];
  if (packages === null || first === undefined) return null;
  const shown = packages.slice(0, 5).map((name) => `nixpkgs#${name}`);
  const more = packages.length > 5 ? ` and ${packages.length - 5} more` : "";
  return {
    evidence: `nix-locate says: ${shown.join(", ")}${more}; not checked`,
    wanted: `nix-locate says that it is in nixpkgs#${first} (not checked): nix build nixpkgs#${first}`,
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
