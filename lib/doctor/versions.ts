// What helps if a library lacks a symbol version: the store path that defines it, or a newer one.
import type { Facts, VersionProblem } from "../addon/facts.js";
import { sameMachine } from "../file/machine.js";
import type { Subject } from "../file/tree.js";
import { compareVersions, isGlibcVersion } from "../file/versions.js";
import { adviceForNewer, adviceForNewerGlibc } from "../store/nixpkgs/packages.js";
import { definedByNone } from "../store/nixpkgs/symbol_versions.js";
import { type Circumstances, fixCommand } from "./circumstances.js";
import type { Help } from "./finding.js";

/** `all` are those that the file lacks: those of one libc must all be available together. */
export async function helpForVersion(
  { version, library, neededBy }: VersionProblem,
  all: readonly VersionProblem[],
  subject: Subject,
  facts: Facts,
  circumstances: Circumstances,
): Promise<Help> {
  const needed = all.filter((each) => each.library === library).map((each) => each.version);
  const known = isGlibcVersion(version)
    ? await glibcFor(version, needed, facts, circumstances)
    : await libraryFor(library, version, facts, circumstances);
  const fix = fixCommand(subject, circumstances);
  const first =
    definedByNone(version) === null
      ? `${known.wanted}, then: ${fix}`
      : `${known.wanted}. Get another build of ${neededBy}`;
  return { evidence: [known.evidence], remedy: known.enough ? fix : first };
}

interface Known {
  enough: boolean;
  evidence: string;
  /** What has to come first if the store does not have enough. */
  wanted: string;
}

/** A loader and its libc come together, so all versions have to come from the same one. */
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
  const wanted = `No glibc in the store defines ${version}: ${adviceForNewerGlibc(version)}`;
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
  const advice = adviceForNewer(library, facts, version) ?? "get a newer one";
  const wanted = `No ${library} in the store defines ${version}: ${advice}`;
  const [best] = providers;
  if (best !== undefined)
    return { enough: true, evidence: `${version} is defined by ${best.path}`, wanted };
  const [other] = rejected;
  const evidence =
    other === undefined ? `the store has no ${library}` : `${other.path}: ${other.why}`;
  return { enough: false, evidence, wanted };
}
