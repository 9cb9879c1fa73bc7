// version-missing: the loader says "version `GLIBC_2.38' not found (required by …)".
import type { Facts, Resolution, VersionProblem } from "../addon/facts.js";
import { sameMachine } from "../file/machine.js";
import type { Subject } from "../file/tree.js";
import { compareVersions, isGlibcVersion } from "../file/versions.js";
import { type Circumstances, fixCommand } from "../judge/circumstances.js";
import type { Finding } from "./finding.js";

export async function versionFindings(
  subject: Subject,
  facts: Facts,
  resolution: Resolution,
  circumstances: Circumstances,
): Promise<Finding[]> {
  const problems = resolution.versionProblems.filter(({ weak }) => !weak);
  return Promise.all(
    problems.map((problem) => findingFor(problem, problems, subject, facts, circumstances)),
  );
}

async function findingFor(
  problem: VersionProblem,
  problems: readonly VersionProblem[],
  subject: Subject,
  facts: Facts,
  circumstances: Circumstances,
): Promise<Finding> {
  const { version, library, providerPath, neededBy } = problem;
  const needed = problems.filter((each) => each.library === library).map((each) => each.version);
  const known = isGlibcVersion(version)
    ? await glibcFor(version, needed, facts, circumstances)
    : await libraryFor(library, version, facts, circumstances);
  const fix = fixCommand(subject, circumstances);
  return {
    code: "version-missing",
    severity: "error",
    message: `${library} does not define ${version}, which ${neededBy} needs`,
    evidence: [`${providerPath} is the ${library} that would be loaded`, known.evidence],
    remedy: known.enough ? fix : `${known.wanted}, then: ${fix}`,
  };
}

interface Known {
  enough: boolean;
  evidence: string;
  /** What has to come first where the store has not enough. */
  wanted: string;
}

/** A loader and its libc come together, so all versions have to be those of one of them. */
async function glibcFor(
  version: string,
  needed: readonly string[],
  facts: Facts,
  { store }: Circumstances,
): Promise<Known> {
  const loaders = (await store.loaders()).filter(
    (loader) => sameMachine(loader, facts) && loader.libc === "glibc",
  );
  const newEnough = loaders.find(({ definedVersions }) =>
    needed.every((each) => definedVersions.includes(each)),
  );
  const wanted = `No glibc in the store defines ${version}. Get a newer one (nix build nixpkgs/nixos-unstable#glibc)`;
  if (newEnough !== undefined) {
    const evidence = `${version} is defined by the glibc of ${newEnough.path}${newEnough.version === null ? "" : `, which is ${newEnough.version}`}`;
    return { enough: true, evidence, wanted };
  }
  const [newest] = loaders.toSorted((one, two) => compareVersions(two.version, one.version));
  const evidence =
    newest === undefined
      ? "the store has no glibc for this machine"
      : `the newest glibc in the store is ${newest.version ?? "unknown"}, with ${newest.path}`;
  return { enough: false, evidence, wanted };
}

async function libraryFor(
  library: string,
  version: string,
  facts: Facts,
  { store }: Circumstances,
): Promise<Known> {
  const found = await store.providers([library], { ...facts, versions: [version] });
  const { providers = [], rejected = [] } = found.get(library) ?? {};
  const wanted = `No ${library} in the store defines ${version}. Get a newer one`;
  const [best] = providers;
  if (best !== undefined)
    return { enough: true, evidence: `${version} is defined by ${best.path}`, wanted };
  const [other] = rejected;
  const evidence =
    other === undefined ? `the store has no ${library}` : `${other.path}: ${other.why}`;
  return { enough: false, evidence, wanted };
}
